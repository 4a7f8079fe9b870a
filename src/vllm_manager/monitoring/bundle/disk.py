"""What a bundle takes from this machine's disk: settings, logs, the database's size, room left."""

import json
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final, cast

from vllm_manager.monitoring.bundle.archive import Part
from vllm_manager.settings import Settings

_LOG_BYTES: Final = 1 << 20
_ENGINE_LOG_BYTES: Final = 256 << 10
_RAY_LOG_BYTES: Final = 128 << 10
_MOST_ENGINE_LOGS: Final = 120
_MOST_RAY_LOGS: Final = 60
_SHORTEST_SECRET: Final = 8


def parts(settings: Settings) -> Iterator[Part]:
    """Yield everything that can be read without a server."""
    yield _settings(settings)
    yield _disk(settings)
    yield _database(settings)
    yield from _tails(settings.logs_dir, "*.log*", "logs", _LOG_BYTES, 20)
    engines = settings.logs_dir / "engines"
    yield from _tails(engines, "*/*.*", "logs/engines", _ENGINE_LOG_BYTES, _MOST_ENGINE_LOGS)
    for record in sorted(settings.run_dir.glob("*.json")):
        if record.stem in ("ray", "control-plane", "gateway", "steward"):
            yield _tail(record, f"run/{record.name}", _LOG_BYTES)
    yield from _ray(settings)


def secrets_of(settings: Settings) -> set[str]:
    """Return every secret that lies in this installation's folder, to be taken out of all text."""
    found: set[str] = set()
    for file in settings.secrets_dir.glob("*"):
        try:
            text = file.read_text().strip()
        except (OSError, ValueError):
            continue
        found.update(text.splitlines())
        try:
            held: object = json.loads(text)
        except ValueError:
            continue
        if isinstance(held, dict):
            values = cast("dict[str, object]", held)
            found |= {str(v) for name, v in values.items() if name != "username"}
    for value in settings.model_dump().values():
        if hasattr(value, "get_secret_value"):
            found.add(str(value.get_secret_value()))
    return {secret for secret in found if len(secret) >= _SHORTEST_SECRET}


def _settings(settings: Settings) -> Part:
    """Every setting as text; secret ones are masked by their type, passwords by redaction."""
    told = {name: str(value) for name, value in settings.model_dump().items()}
    return Part("settings.json", json.dumps(told, indent=2))


def _disk(settings: Settings) -> Part:
    found: dict[str, Mapping[str, int] | str] = {}
    for name, folder in (("home", settings.home), ("models", settings.model_store)):
        try:
            found[name] = shutil.disk_usage(folder)._asdict()
        except OSError as error:
            found[name] = str(error)
    sizes = {p.name: p.stat().st_size for p in settings.home.glob("*") if p.is_file()}
    return Part("disk.json", json.dumps({"room_bytes": found, "files_bytes": sizes}, indent=2))


def _database(settings: Settings) -> Part:
    """The schema's version and how many rows each table has: no row of any."""
    name = "database.json"
    if not settings.database.startswith("sqlite"):
        return Part(name, None, "The database is not a file on this machine.")
    file = settings.database.split("///", 1)[1]
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=5)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            names = sorted(row[0] for row in tables)
            counts = {table: _count(connection, table) for table in names}
            versions = [r[0] for r in connection.execute("SELECT version_num FROM alembic_version")]
    except sqlite3.Error as error:
        return Part(name, None, f"The database could not be read: {error}.")
    return Part(name, json.dumps({"schema": versions, "rows": counts}, indent=2))


def _count(connection: sqlite3.Connection, table: str) -> int:
    quoted = table.replace('"', '""')
    return connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()[0]


def _ray(settings: Settings) -> Iterator[Part]:
    try:
        folder = json.loads((settings.run_dir / "ray.json").read_text()).get("folder")
    except (OSError, ValueError):
        folder = None
    logs = Path(folder) / "r" / "session_latest" / "logs" if folder else None
    if logs is None or not logs.is_dir():
        yield Part("logs/ray", None, "No Ray of this installation has its logs on this machine.")
        return
    yield from _tails(logs, "**/*.*", "logs/ray", _RAY_LOG_BYTES, _MOST_RAY_LOGS)


def _tails(root: Path, pattern: str, under: str, most_bytes: int, most: int) -> Iterator[Part]:
    """Yield the ends of the newest files; the older ones are named, without their text."""
    dated: list[tuple[float, Path]] = []
    for path in root.glob(pattern):
        try:
            if path.is_file() and not path.is_symlink():
                dated.append((path.stat().st_mtime, path))
        except OSError:
            continue
    for rank, (_, path) in enumerate(sorted(dated, reverse=True)):
        name = f"{under}/{path.relative_to(root)}"
        if rank < most:
            yield _tail(path, name, most_bytes)
        else:
            yield Part(name, None, f"It is older than the newest {most}.")


def _tail(path: Path, name: str, most_bytes: int) -> Part:
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - most_bytes))
            data = file.read(most_bytes)
    except OSError as error:
        return Part(name, None, f"It could not be read: {error}.")
    if size <= most_bytes:
        return Part(name, data.decode(errors="replace"))
    whole_lines = data.partition(b"\n")[2]  # a secret that was cut in two would not be recognised
    said = f"Only its end: it has {size:,} bytes."
    return Part(name, whole_lines.decode(errors="replace"), said)
