"""82. A Hugging Face token shows in no answer, metric, audit row, bundle or file of ours."""

import io
import tarfile
from pathlib import Path
from typing import Any

import pytest

from support.application import Running, engine_python_in, running_in

pytestmark = pytest.mark.survival

CANARY = "hf_canaryCANARYcanary0123456789abcd"


async def _put_everywhere(control: Running) -> None:
    environment = {"HF_TOKEN": CANARY, "GREETING": f"hello {CANARY}"}
    recipe = {"model": "acme/tiny-chat", "environment": environment}
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("PUT", "catalog/token", {"token": CANARY}),
        ("POST", "configs", {"name": "chat", "recipe": recipe}),
        ("POST", "deployments",
         {"name": "chat", "model": "demo", "environment": environment, "start": False}),
    ]  # fmt: skip
    for method, path, body in calls:
        answer = await control.client.request(
            method, f"/api/v1/{path}", json=body, headers=control.bearer
        )
        assert answer.status_code < 300, answer.text
        assert CANARY not in answer.text


async def test_82_the_canary_is_in_no_answer_bundle_or_file(tmp_path: Path) -> None:
    async with running_in(tmp_path, engine_python=engine_python_in(tmp_path)) as control:
        await _put_everywhere(control)
        logs = tmp_path / "logs"
        logs.mkdir(exist_ok=True)
        ray = logs / "gateway.log"
        ray.write_text(f"somebody else logged {CANARY} and {control.api_key}\n")
        ways = ("/metrics", "/api/v1/audit", "/api/v1/configs/export", "/api/v1/deployments")
        for way in ways:
            answer = await control.client.get(way, headers=control.bearer)
            assert answer.status_code == 200
            assert CANARY not in answer.text, way
        bundle = await control.client.get("/api/v1/diagnostics", headers=control.bearer)
        assert bundle.status_code == 200
        ray.unlink()
    with tarfile.open(fileobj=io.BytesIO(bundle.content)) as tar:
        read = {member.name: tar.extractfile(member) for member in tar}
        whole = {name: file.read().decode() for name, file in read.items() if file}
    assert "somebody else logged … and …" in whole["diagnostics/logs/gateway.log"]
    assert '"chat"' in whole["diagnostics/live/deployments.json"]
    assert [name for name, text in whole.items() if CANARY in text or control.api_key in text] == []
    written = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert [file.name for file in written if CANARY.encode() in file.read_bytes()] == []
