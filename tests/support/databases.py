"""The database that a test gets: a SQLite file of its own, or a database on a real PostgreSQL.

`pytest --postgres` starts a PostgreSQL server for the run; without it every test has SQLite.
"""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

_SETTINGS = (
    "listen_addresses=127.0.0.1",
    "max_connections=200",
    "fsync=off",  # it lives as long as the tests do
    "unix_socket_directories=",
)


class Postgres:
    """A server with a folder and a port of its own, which refuses to run as root: it does not."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="vm-postgres-"))
        self._user = "postgres" if os.geteuid() == 0 else None
        self._names: dict[Path, str] = {}
        if self._user:
            shutil.chown(self._folder, self._user)
        data = self._folder / "data"
        self._run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        options = " ".join(f"-c {setting}" for setting in (*_SETTINGS, f"port={self._port}"))
        self._run("pg_ctl", "-D", data, "-w", "-o", options, "-l", self._folder / "log", "start")

    def url(self, folder: Path) -> str:
        """Return the URL of the folder's own database, which is made when first asked for."""
        name = self._names.get(folder)
        if name is None:
            name = self._names[folder] = f"test_{len(self._names)}"
            self._run("createdb", "-h", "127.0.0.1", "-p", self._port, "-U", "postgres", name)
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self._port}/{name}?ssl=disable"

    def stop(self) -> None:
        """End the server and remove all that it held."""
        self._run("pg_ctl", "-D", self._folder / "data", "-w", "-m", "immediate", "stop")
        shutil.rmtree(self._folder)

    def _run(self, program: str, *words: object) -> None:
        command = [_program(program), *map(str, words)]
        subprocess.run(
            command,
            user=self._user,
            cwd=self._folder,
            env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
            stdout=subprocess.DEVNULL,
            check=True,
        )


def _program(name: str) -> str:
    """Return where a program of PostgreSQL is; Debian keeps most of them off the PATH."""
    known = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(known[-1]) if known else shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not installed: install PostgreSQL")
    return found


class _Chosen:
    postgres: Postgres | None = None


def use_postgres() -> None:
    """Start PostgreSQL; from now on every test has a database there."""
    _Chosen.postgres = Postgres()


def end_postgres() -> None:
    """End the server, if there is one."""
    if _Chosen.postgres is not None:
        _Chosen.postgres.stop()
        _Chosen.postgres = None


def is_on_postgres() -> bool:
    """Whether tests run on PostgreSQL."""
    return _Chosen.postgres is not None


def database_url(folder: Path) -> str:
    """Return the URL of the database of a test's folder: the same one each time."""
    if _Chosen.postgres is not None:
        return _Chosen.postgres.url(folder)
    return f"sqlite+aiosqlite:///{folder / 'vllm-manager.db'}"
