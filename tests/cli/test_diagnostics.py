"""`diagnostics`: one file for support, from the server or from what lies on disk."""

import io
import json
import tarfile
from pathlib import Path

from typer.testing import CliRunner

from support.rest_server import RestServer
from vllm_manager.cli.main import app


def bundle(**parts: str) -> bytes:
    """Return a server's archive with these parts."""
    listed = [{"name": name, "bytes": 1, "left_out": None} for name in parts]
    whole = {**parts, "manifest.json": json.dumps({"parts": listed})}
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as tar:
        for name, text in whole.items():
            entry = tarfile.TarInfo(f"diagnostics/{name}")
            entry.size = len(text.encode())
            tar.addfile(entry, io.BytesIO(text.encode()))
    return file.getvalue()


def texts(file: Path) -> dict[str, str]:
    with tarfile.open(file) as tar:
        read = {member.name: tar.extractfile(member) for member in tar}
        return {n.removeprefix("diagnostics/"): f.read().decode() for n, f in read.items() if f}


def test_the_server_s_own_is_taken_whole(server: RestServer, tmp_path: Path) -> None:
    server.answer("GET /api/v1/diagnostics", bundle(**{"logs/ray.log": "of the server\n"}))
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "ray.log").write_text("as it lies on disk\n")
    environment = {
        "VLLM_MANAGER_HOME": str(tmp_path),
        "VLLM_MANAGER_PORT": server.url.rsplit(":", 1)[1],
    }
    file = tmp_path / "support.tar.gz"
    file.touch(mode=0o644)
    done = CliRunner(env=environment).invoke(app, ["diagnostics", "--output", str(file)])
    assert done.exit_code == 0, done.output
    found = texts(file)
    assert set(found) == {"logs/ray.log", "doctor.json", "manifest.json"}
    assert found["logs/ray.log"] == "of the server\n"
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_archive_that_is_saved_is_for_its_owner_alone(
    server: RestServer, tmp_path: Path
) -> None:
    server.answer("GET /api/v1/diagnostics", b"an archive")
    file = tmp_path / "support.tar.gz"
    file.touch(mode=0o644)
    words = ["diagnostics", "--url", server.url, "--token", "vm-key", "--output", str(file)]
    assert CliRunner(env={"VLLM_MANAGER_HOME": str(tmp_path)}).invoke(app, words).exit_code == 0
    assert file.read_bytes() == b"an archive"
    assert file.stat().st_mode & 0o777 == 0o600


def test_without_a_server_it_says_that_sealed_values_were_not_looked_for(tmp_path: Path) -> None:
    environment = {"VLLM_MANAGER_HOME": str(tmp_path), "VLLM_MANAGER_PORT": "9"}
    file = tmp_path / "support.tar.gz"
    done = CliRunner(env=environment).invoke(app, ["diagnostics", "--output", str(file)])
    assert done.exit_code == 0, done.output
    parts = json.loads(texts(file)["manifest.json"])["parts"]
    (left_out,) = [part["left_out"] for part in parts if part["name"] == "sealed-values"]
    assert "can't be opened" in left_out
