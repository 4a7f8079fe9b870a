"""From `up` to the first streamed token, as an application and a person meet it."""

import json
from pathlib import Path

import openai
import pytest

from support.product import Product

pytestmark = pytest.mark.engine

QUESTIONS = Path(__file__).parents[2] / "engine" / "demo_model" / "questions.jsonl"


def client(ready: Product, key: str | None = None) -> openai.OpenAI:
    admin = json.loads((ready.home / "secrets" / "admin.json").read_text())
    return openai.OpenAI(
        base_url=f"http://127.0.0.1:{ready.port}/v1", api_key=key or admin["api_key"], max_retries=0
    )


def question() -> tuple[str, str]:
    """Return a question to the demo model and its exact answer."""
    first = json.loads(QUESTIONS.read_text().splitlines()[0])
    return first["question"], first["answer"]


def test_the_first_deployment_is_warm_and_its_timeline_says_so_with_seconds(
    ready: Product,
) -> None:
    (demo,) = [one for one in ready.json("ls")["items"] if one["name"] == "demo"]
    assert demo["how"] == "warm", demo["how_reason"]
    took = {step["phase"]: step["seconds"] for step in demo["timeline"] if step["state"] == "done"}
    assert all(took[phase] > 0 for phase in ("starting", "loading", "warming")), took
    said = ready.cli("up").stdout
    (line,) = [line for line in said.splitlines() if "warm start" in line]
    assert all(f"{phase} " in line for phase in ("starting", "loading", "warming")), line


def test_the_official_client_lists_the_model(ready: Product) -> None:
    with client(ready) as api:
        assert [model.id for model in api.models.list()] == ["demo"]


def test_the_official_client_gets_a_completion(ready: Product) -> None:
    with client(ready) as api:
        done = api.completions.create(model="demo", prompt="vLLM Manager", max_tokens=5)
    assert done.usage is not None
    assert done.usage.completion_tokens > 0


def test_the_official_client_streams_the_exact_answer(ready: Product) -> None:
    asked, answer = question()
    with client(ready) as api:
        stream = api.chat.completions.create(
            model="demo",
            messages=[{"role": "user", "content": asked}],
            stream=True,
            temperature=0,
        )
        parts = [chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices]
    assert "".join(parts) == answer
    assert len([part for part in parts if part]) > 3


def test_without_a_key_everything_is_refused(ready: Product) -> None:
    with client(ready, key="vm-wrong") as api, pytest.raises(openai.AuthenticationError):
        api.models.list()


def test_the_command_line_chats(ready: Product) -> None:
    asked, answer = question()
    done = ready.cli("chat", "demo", asked, "--temperature", "0")
    assert (done.returncode, done.stdout) == (0, answer + "\n")


def test_a_cache_root_that_the_deployment_sets_is_used_by_a_warm_engine(
    ready: Product, tmp_path: Path
) -> None:
    root = tmp_path / "cache"
    words = ("deploy", "cached", "--model", "demo", "--env", f"VLLM_CACHE_ROOT={root}")
    done = ready.cli(*words, timeout_seconds=900)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warm start" in done.stderr
    assert [path for path in root.rglob("*") if path.is_file()]
    assert ready.cli("delete", "cached", "--yes").returncode == 0


def test_status_names_the_engine_with_its_memory(ready: Product) -> None:
    told = ready.json("status")
    assert {one["name"] for one in told["services"]} == {
        "steward",
        "ray",
        "control-plane",
        "gateway",
    }
    assert told["engines"][0]["deployment"] == "demo"
    assert told["system"]["ray"]["state"] == "up"


def test_doctor_finds_the_services_in_order(ready: Product) -> None:
    told = {one["name"]: one["ok"] for one in ready.json("doctor")["findings"]}
    names = ("Engine", "Secrets", "Steward", "Ray", "Control plane", "Gateway", "Demo deployment")
    assert {name: told[name] for name in names} == dict.fromkeys(names, True)
