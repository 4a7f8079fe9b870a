"""The support bundle: what is in it, what is not, and that it is made without a server."""

import json
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from support.application import settings_in
from vllm_manager.monitoring.bundle import Archive, Part, build, extend
from vllm_manager.settings import Settings

OWN = "vm-own-token-of-this-installation"


def texts(file: Path) -> dict[str, str]:
    with tarfile.open(file) as tar:
        found = {member.name: tar.extractfile(member) for member in tar}
        return {n.removeprefix("diagnostics/"): f.read().decode() for n, f in found.items() if f}


def left_out(found: dict[str, str]) -> dict[str, str]:
    parts = json.loads(found["manifest.json"])["parts"]
    return {part["name"]: part["left_out"] for part in parts if part["left_out"]}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An installation whose server is down, with logs of everything."""
    settings = settings_in(tmp_path / "home", database_url=None)
    for folder in ("secrets", "logs/engines/dep_1", "run", "ray/r/session_latest/logs"):
        (settings.home / folder).mkdir(parents=True)
    admin = {"username": "admin", "password": "a-long-password", "api_key": OWN}
    (settings.secrets_dir / "admin.json").write_text(json.dumps(admin))
    (settings.secrets_dir / "vault_key").write_text("the-key-of-the-vault\n")
    said = f"asked with {OWN}, a-long-password and the-key-of-the-vault\n"
    (settings.logs_dir / "control-plane.log").write_text(said + "x" * 80 + "\n")
    key = "-----BEGIN PRIVATE KEY-----\nY2FuYXJ5\n-----END PRIVATE KEY-----\nafter\n"
    (settings.logs_dir / "engines/dep_1/000001.001.r1.jsonl").write_text(key)
    (settings.run_dir / "ray.json").write_text(json.dumps({"folder": str(settings.home / "ray")}))
    (settings.home / "ray/r/session_latest/logs/raylet.out").write_text("the raylet ended\n")
    with closing(sqlite3.connect(settings.home / "vllm-manager.db")) as database, database:
        database.execute("CREATE TABLE alembic_version (version_num TEXT)")
        database.execute("INSERT INTO alembic_version VALUES ('0001')")
        database.execute("CREATE TABLE users (name TEXT)")
        database.execute("INSERT INTO users VALUES ('anna')")
    return settings


def test_it_is_made_of_what_lies_on_disk(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "bundle.tar.gz"
    build(file, settings, [Part("live", None, "The server does not answer.")])
    assert file.stat().st_mode & 0o077 == 0
    found = texts(file)
    assert json.loads(found["database.json"]) == {
        "schema": ["0001"],
        "rows": {"alembic_version": 1, "users": 1},
    }
    assert "the raylet ended" in found["logs/ray/raylet.out"]
    assert "after" in found["logs/engines/dep_1/000001.001.r1.jsonl"]
    assert json.loads(found["settings.json"])["home"] == str(settings.home)
    assert "home" in json.loads(found["disk.json"])["room_bytes"]
    assert left_out(found)["live"] == "The server does not answer."


def test_no_secret_of_the_installation_is_in_it(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "bundle.tar.gz"
    build(file, settings, [Part("live/x.txt", f"the key {OWN}")])
    whole = "".join(texts(file).values())
    for secret in (OWN, "a-long-password", "the-key-of-the-vault", "Y2FuYXJ5", "anna"):
        assert secret not in whole
    assert "asked with …, … and …" in whole


def test_a_long_log_gives_its_end_and_says_so(settings: Settings, tmp_path: Path) -> None:
    log = settings.logs_dir / "gateway.log"
    log.write_text("".join(f"line {number}\n" for number in range(200_000)))
    file = tmp_path / "bundle.tar.gz"
    build(file, settings, [])
    found = texts(file)
    kept = found["logs/gateway.log"].splitlines()
    assert kept[-1] == "line 199999"
    assert len(found["logs/gateway.log"]) <= 1 << 20
    assert "Only its end" in left_out(found)["logs/gateway.log"]


def test_what_would_make_it_too_large_is_named(tmp_path: Path) -> None:
    file = tmp_path / "bundle.tar.gz"
    with Archive(file, most_bytes=(1 << 20) + 100) as archive:
        archive.add(Part("large.txt", "word " * 100))
        archive.add(Part("small.txt", "word"))
    found = texts(file)
    assert "too large" in left_out(found)["large.txt"]
    assert found["small.txt"] == "word\n"


def test_what_a_server_told_is_taken_over(settings: Settings, tmp_path: Path) -> None:
    told, file = tmp_path / "told.tar.gz", tmp_path / "bundle.tar.gz"
    with Archive(told) as archive:
        archive.add(Part("live/system.json", "{}"))
        archive.add(Part("logs/gateway.log", "x", "Only its end."))
        archive.add(Part("live/metrics.txt", None, "It did not answer."))
    extend(file, told, settings, [Part("doctor.json", "[]")])
    found = texts(file)
    assert set(found) == {"live/system.json", "logs/gateway.log", "doctor.json", "manifest.json"}
    assert left_out(found) == {
        "logs/gateway.log": "Only its end.",
        "live/metrics.txt": "It did not answer.",
    }


def test_a_secret_goes_in_every_form(settings: Settings, tmp_path: Path) -> None:
    sealed = 'a "quoted" + sealed/1'
    forms = [sealed, json.dumps({"x": sealed}), quote(sealed), quote(sealed, safe="")]
    (settings.logs_dir / "gateway.log").write_text("\n".join(forms))
    file = tmp_path / "bundle.tar.gz"
    build(file, settings, [], [sealed])
    assert texts(file)["logs/gateway.log"].splitlines() == ["…", '{"x": "…"}', "…", "…"]


def test_it_is_for_its_owner_alone_also_in_place_of_an_older_file(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "bundle.tar.gz"
    file.write_text("older")
    file.chmod(0o666)
    build(file, settings, [])
    assert file.stat().st_mode & 0o777 == 0o600


def test_where_it_can_t_be_made_nothing_is_left(settings: Settings, tmp_path: Path) -> None:
    def parts() -> Iterator[Part]:
        yield Part("a.txt", "a")
        raise OSError("no more")

    file = tmp_path / "support" / "bundle.tar.gz"
    file.parent.mkdir()
    file.write_text("older")
    with pytest.raises(OSError, match="no more"):
        extend(file, _told(tmp_path), settings, parts())
    assert [path.name for path in file.parent.iterdir()] == ["bundle.tar.gz"]
    assert file.read_text() == "older"


def _told(folder: Path) -> Path:
    told = folder / "told.tar.gz"
    with Archive(told) as archive:
        archive.add(Part("live/system.json", "{}"))
    return told
