"""The archive for support that a server makes: without sealed values, and leaving nothing."""

import asyncio
import io
import json
import tarfile
import tempfile
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from support.application import Running, engine_python_in, running_in
from support.engines import until
from vllm_manager.deployments.logs.files import Bounds, life_of

pytestmark = pytest.mark.integration

HIDDEN = "plain-looking-value-1"


@pytest.fixture
async def control(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Running]:
    """A server with a deployment that has a sealed variable; its temporary files are counted."""
    home = tmp_path / "home"
    home.mkdir()
    async with running_in(home, engine_python=engine_python_in(tmp_path)) as control:
        environment = {"WANDB_KEY": HIDDEN}
        made = {"name": "chat", "model": "demo", "environment": environment, "start": False}
        answer = await control.client.post("/api/v1/deployments", json=made, headers=control.bearer)
        assert answer.status_code < 300, answer.text
        (home / "logs").mkdir(exist_ok=True)
        (tmp_path / "temporary").mkdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
        yield control


def texts(data: bytes) -> dict[str, str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        read = {member.name: tar.extractfile(member) for member in tar}
        return {name: file.read().decode() for name, file in read.items() if file}


async def test_sealed_values_are_taken_out_of_all_logs(control: Running, tmp_path: Path) -> None:
    (control.home / "logs" / "ray.log").write_text(f"somebody printed {HIDDEN} here\n")
    answer = await control.client.get("/api/v1/diagnostics", headers=control.bearer)
    found = texts(answer.content)
    assert found["diagnostics/logs/ray.log"] == "somebody printed … here\n"
    assert HIDDEN not in "".join(found.values())
    assert list((tmp_path / "temporary").iterdir()) == []


async def test_what_engines_wrote_is_in_it_from_the_first_line_on(control: Running) -> None:
    life = life_of(control.home / "logs" / "engines", "dep_1", 2, 1, "r1", "i1")
    bounds = Bounds(16 << 10)
    for number in range(40):
        life.append(b'{"text": "line %d, %b"}\n' % (number, b"x" * 50), bounds)
    answer = await control.client.get("/api/v1/diagnostics", headers=control.bearer)
    found = texts(answer.content)
    told = "".join(
        found[f"diagnostics/logs/engines/dep_1/{file.name}"] for file in sorted(life.files())
    )
    assert len(life.files()) > 1
    assert [f"line {number}," in told for number in range(40)] == [True] * 40


async def test_it_says_whose_values_could_not_be_looked_for(control: Running) -> None:
    (control.home / "secrets" / "vault_key").unlink()
    answer = await control.client.get("/api/v1/diagnostics", headers=control.bearer)
    parts = json.loads(texts(answer.content)["diagnostics/manifest.json"])["parts"]
    (left_out,) = [part["left_out"] for part in parts if part["name"] == "sealed-values"]
    assert left_out.startswith("Secret values of chat can't be opened")


async def test_what_is_broken_off_leaves_nothing_behind(control: Running, tmp_path: Path) -> None:
    for number in range(20):
        (control.home / "logs" / f"p{number}.log").write_text("a line of a log\n" * 60_000)
    asking = asyncio.create_task(control.client.get("/api/v1/diagnostics", headers=control.bearer))
    temporary = tmp_path / "temporary"
    await until(lambda: [*temporary.glob("*/.*")])
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert list(temporary.iterdir()) == []
