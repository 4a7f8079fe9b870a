"""Usage on its way to the control plane: nothing lost, nothing counted twice."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from support.control_plane import TOKEN, ControlPlane
from vllm_manager.gateway.control import ControlPlane as ControlClient
from vllm_manager.gateway.journal import Journal, Record, read_batch
from vllm_manager.gateway.refused_counts import RefusedCounts
from vllm_manager.gateway.upstream import Target, UpstreamClient
from vllm_manager.gateway.usage import UsageSender
from vllm_manager.kit.private_files import write_private


def record(model: str = "demo") -> Record:
    return Record(1.0, "key_1", "usr_1", model, "/v1/x", 200, False, 1, 2, None, 0.5, None, "ok")


@pytest.fixture
async def control() -> AsyncGenerator[ControlPlane]:
    async with ControlPlane() as made:
        yield made


@pytest.fixture
async def client() -> AsyncGenerator[UpstreamClient]:
    made = UpstreamClient(connect_seconds=2)
    yield made
    made.close()


@pytest.fixture
async def sender(tmp_path: Path, control: ControlPlane, client: UpstreamClient) -> UsageSender:
    return sender_to(control, client, tmp_path, settled_seconds=60)


def sender_to(
    control: ControlPlane, client: UpstreamClient, tmp_path: Path, settled_seconds: float
) -> UsageSender:
    write_private(tmp_path / "token", TOKEN)
    target = Target("127.0.0.1", control.port)
    made = Journal(tmp_path / "usage", asyncio.get_running_loop())
    asked = ControlClient(client, target, tmp_path / "token")
    return UsageSender(made, RefusedCounts(), asked, settled_seconds)


def files(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "usage").iterdir())


async def fill(tmp_path: Path, *models: str) -> Journal:
    made = Journal(tmp_path / "usage", asyncio.get_running_loop())
    for model in models:
        made.add(record(model))
    made.flush()
    return made


async def test_a_record_is_on_disk_before_the_loop_waits_again(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "usage", asyncio.get_running_loop())
    journal.add(record())
    await asyncio.sleep(0)
    (path,) = files(tmp_path)
    assert json.loads(path.read_text())["model"] == "demo"
    assert path.stat().st_mode & 0o777 == 0o600


async def test_the_batch_being_written_is_nobody_else_s(tmp_path: Path) -> None:
    journal = await fill(tmp_path, "demo")
    (path,) = files(tmp_path)
    with read_batch(path) as body:
        assert body is None
    journal.seal()
    with read_batch(path) as body:
        assert body is not None
        assert json.loads(body)["batch"] == path.stem


def test_a_batch_is_not_seen_before_it_is_locked(tmp_path: Path) -> None:
    """Else another worker's sender takes it for one that is whole, and deletes it."""
    code = (
        "import asyncio, sys\n"
        "from pathlib import Path\n"
        "from vllm_manager.gateway.journal import Journal, Record\n"
        "folder, seen = Path(sys.argv[1]), []\n"
        "def look(event, _):\n"
        "    if event == 'fcntl.flock':\n"
        "        seen.append([*folder.glob('*.ndjson')])\n"
        "sys.addaudithook(look)\n"
        "journal = Journal(folder, asyncio.new_event_loop())\n"
        "journal.add(Record(1.0, None, 'u', 'm', '/', 200, False, 1, 2, None, 0.5, None, 'ok'))\n"
        "journal.flush()\n"
        "print(seen, len([*folder.iterdir()]), len([*folder.glob('*.ndjson')]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[[]] 1 1"


async def test_what_waited_in_memory_is_written_in_batches_that_are_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "usage").write_text("a file where the folder should be")
    journal = Journal(tmp_path / "usage", asyncio.get_running_loop())
    for number in range(5000):
        journal.add(record("x" * 1000))
        if number % 100 == 0:
            journal.flush()
    assert len(caplog.records) == 1  # not one line for each request
    (tmp_path / "usage").unlink()
    journal.flush()
    sizes = [path.stat().st_size for path in files(tmp_path)]
    assert sum(sizes) > 5000 * 1000
    assert max(sizes) <= 2 << 20  # the control plane takes 16 MiB


async def test_a_batch_is_acknowledged_and_forgotten(
    tmp_path: Path, sender: UsageSender, control: ControlPlane
) -> None:
    (await fill(tmp_path, "a", "b")).seal()
    assert await sender.send()
    assert [entry["model"] for entry in control.records] == ["a", "b"]
    assert files(tmp_path) == []


async def test_what_is_deleted_for_good_is_told_once_and_only_when_it_is_known_to_be_heard(
    tmp_path: Path, client: UpstreamClient, control: ControlPlane
) -> None:
    sender = sender_to(control, client, tmp_path, settled_seconds=0)
    for model in "abc":
        (await fill(tmp_path, model)).seal()
        control.usage_status = 503
        await sender.send()
        control.usage_status = 200
        assert await sender.send()
    assert control.deleted == list(control.batches)[:2]


async def test_what_was_just_deleted_is_not_told_yet(
    tmp_path: Path, sender: UsageSender, control: ControlPlane
) -> None:
    for model in "ab":
        (await fill(tmp_path, model)).seal()
        assert await sender.send()
    assert control.deleted == []


async def test_a_batch_waits_while_the_control_plane_is_away(
    tmp_path: Path, sender: UsageSender, control: ControlPlane
) -> None:
    await control.kill()
    (await fill(tmp_path, "a")).seal()
    assert not await sender.send()
    assert len(files(tmp_path)) == 1
    await control.listen()
    assert await sender.send()
    assert len(control.records) == 1


@pytest.mark.parametrize("status", [401, 500, 503])
async def test_a_batch_is_sent_again_until_it_is_taken(
    tmp_path: Path, sender: UsageSender, control: ControlPlane, status: int
) -> None:
    (await fill(tmp_path, "a")).seal()
    control.usage_status = status
    assert not await sender.send()
    control.usage_status = 200
    assert await sender.send()
    assert len(control.records) == 1


async def test_a_batch_that_is_refused_for_good_does_not_stop_the_next(
    tmp_path: Path, sender: UsageSender, control: ControlPlane
) -> None:
    (await fill(tmp_path, "a")).seal()
    control.usage_status = 422
    assert await sender.send()
    control.usage_status = 200
    (await fill(tmp_path, "b")).seal()
    assert await sender.send()
    assert [entry["model"] for entry in control.records] == ["b"]
    assert [path.suffix for path in files(tmp_path)] == [".refused"]


async def test_what_a_killed_worker_left_is_sent_without_its_torn_line(
    tmp_path: Path, sender: UsageSender, control: ControlPlane
) -> None:
    (await fill(tmp_path, "a")).seal()
    (path,) = files(tmp_path)
    with path.open("a") as file:
        file.write('{"at": 1.0, "mod')
    assert await sender.send()
    assert [entry["model"] for entry in control.records] == ["a"]


async def test_a_large_batch_is_ended_and_another_begun(tmp_path: Path) -> None:
    journal = await fill(tmp_path, *["x" * 1000] * 1100)
    journal.add(record())
    journal.flush()
    assert len(files(tmp_path)) == 2
    assert len(journal.batches()) == 1


async def test_where_the_disk_takes_nothing_records_wait_in_memory(tmp_path: Path) -> None:
    (tmp_path / "usage").write_text("a file where the folder should be")
    journal = await fill(tmp_path, "a")
    (tmp_path / "usage").unlink()
    journal.flush()
    (path,) = files(tmp_path)
    assert json.loads(path.read_text())["model"] == "a"
