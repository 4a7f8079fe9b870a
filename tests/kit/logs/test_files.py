"""Log files are bounded in size and number, and lose no line when they move on."""

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vllm_manager.kit.logs import JsonLine, RotatedFile, configure

WRITER = """
import logging, sys
from pathlib import Path
from vllm_manager.kit.logs import RotatedFile
handler = RotatedFile(Path(sys.argv[1]), 20_000, 50)
log = logging.getLogger("w")
log.addHandler(handler)
log.setLevel("INFO")
for number in range(1000):
    log.info("%s %04d %s", sys.argv[2], number, "x" * 40)
"""
FULL = """
import logging, resource, sys
from pathlib import Path
from vllm_manager.kit.logs import JsonLine, RotatedFile
handler = RotatedFile(Path(sys.argv[1]))
handler.setFormatter(JsonLine("x"))
log = logging.getLogger("w")
log.addHandler(handler)
log.setLevel("INFO")
log.info("first")
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (Path(sys.argv[1]).stat().st_size + 20, most))
log.info("torn")
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
log.info("third")
"""
TO_ITSELF = """
import logging, os, sys
from pathlib import Path
from vllm_manager.kit.logs import configure
folder = Path(sys.argv[1])
configure("gateway", "info", "auto", folder)
logging.info("first")
(folder / "gateway.log").rename(folder / "gateway.log.1")
logging.info("second")
print("bare", file=sys.stderr, flush=True)
"""


def handler_at(path: Path, largest_bytes: int = 1000, kept_files: int = 3) -> RotatedFile:
    made = RotatedFile(path, largest_bytes, kept_files)
    made.setFormatter(JsonLine("x"))
    return made


def write(handler: logging.Handler, text: str) -> None:
    handler.emit(logging.LogRecord("room", logging.INFO, "", 1, text, (), None))


def test_a_file_moves_aside_when_it_is_large_and_so_many_are_kept(tmp_path: Path) -> None:
    handler = handler_at(tmp_path / "a.log")
    for number in range(200):
        write(handler, f"{number} {'x' * 100}")
    handler.close()
    kept = sorted(path.name for path in tmp_path.glob("a.log*"))
    assert kept == ["a.log", "a.log.1", "a.log.2", "a.log.3"]
    assert all(path.stat().st_size < 1500 for path in tmp_path.glob("a.log*"))


def test_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    handler = handler_at(tmp_path / "logs" / "a.log")
    write(handler, "x")
    handler.close()
    assert (tmp_path / "logs" / "a.log").stat().st_mode & 0o777 == 0o600


def test_several_processes_share_a_file_and_no_line_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "shared.log"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), name]) for name in ("a", "b")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0]
    lines = [line for file in tmp_path.glob("shared.log*") for line in file.read_text().split("\n")]
    told = sorted(" ".join(line.split()[:2]) for line in lines if line)
    assert told == sorted(f"{name} {number:04d}" for name in "ab" for number in range(1000))


def test_a_disk_that_takes_nothing_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file is in the way")
    write(handler_at(tmp_path / "logs" / "a.log"), "x")


def test_after_a_line_that_a_full_disk_tore_the_next_one_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    subprocess.run([sys.executable, "-c", FULL, str(path)], check=True)
    first, torn, third = path.read_text().splitlines()
    assert [json.loads(line)["message"] for line in (first, third)] == ["first", "third"]
    assert torn.startswith('{"time":')
    assert len(torn) == 20


def test_standard_error_in_the_file_follows_it(tmp_path: Path) -> None:
    path = tmp_path / "gateway.log"
    with path.open("ab") as out:
        subprocess.run([sys.executable, "-c", TO_ITSELF, str(tmp_path)], stderr=out, check=True)
    first, second, bare = [
        *(tmp_path / "gateway.log.1").read_text().splitlines(),
        *path.read_text().splitlines(),
    ]
    assert [json.loads(line)["message"] for line in (first, second)] == ["first", "second"]
    assert bare == "bare"


@pytest.mark.parametrize(("form", "is_json"), [("auto", True), ("json", True), ("plain", False)])
def test_the_form_of_standard_error_is_chosen(
    form: str, is_json: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    try:
        configure("steward", "info", form, tmp_path)
        logging.getLogger("room").info("said")
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers[:], root.level = before, level
    assert capsys.readouterr().err.startswith("{") is is_json
    kept = json.loads((tmp_path / "steward.log").read_text())
    assert (kept["message"], kept["process"], kept["pid"]) == ("said", "steward", os.getpid())
