"""What an engine's log says of single requests: enough to find one by its id, and no more."""

import asyncio
import logging
from types import SimpleNamespace

from support.engines import supervised, until
from vllm_manager_engine.http_client import request
from vllm_manager_engine.request_lines import BURST, LINES_PER_SECOND, PROBE_ID, RequestLines
from vllm_manager_engine.supervisor import Supervisor

RECEIVED = "Received request %s: params: %s, lora_request: %s."


class Ticking:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def said(lines: RequestLines, message: str, *arguments: object) -> str | None:
    """Return what is logged, or None."""
    record = logging.LogRecord("vllm", logging.INFO, "", 0, message, arguments, None)
    return record.getMessage() if lines.filter(record) else None


def test_parameters_are_cut_down_to_numbers() -> None:
    parameters = SimpleNamespace(max_tokens=16, temperature=0.5, stop=["my secret words"])
    text = said(RequestLines(), RECEIVED, "chatcmpl-req_1", parameters, None)
    assert text is not None
    assert "chatcmpl-req_1" in text
    assert "max_tokens=16" in text
    assert "secret" not in text


def test_the_supervisor_s_probes_are_left_out() -> None:
    lines = RequestLines()
    assert said(lines, RECEIVED, f"cmpl-{PROBE_ID}-0", None, None) is None
    assert said(lines, "Added request %s.", f"cmpl-{PROBE_ID}-0-1234") is None
    assert said(lines, "Added request %s.", f"cmpl-my{PROBE_ID}s-0") is not None


def test_a_flood_is_bounded_and_said() -> None:
    now = Ticking()
    lines = RequestLines(now)
    kept = [said(lines, "Request %s aborted.", "r") for _ in range(int(BURST) + 50)]
    assert sum(text is not None for text in kept) == BURST
    now.seconds = 1 / LINES_PER_SECOND
    text = said(lines, "Request %s aborted.", "r")
    assert text is not None
    assert text.endswith("(50 lines about requests were left out)")


def test_what_is_not_about_a_request_is_left_alone() -> None:
    lines = RequestLines()
    for _ in range(1000):
        assert said(lines, "Engine 000: Avg prompt throughput: %s", 1.0) is not None


def texts(supervisor: Supervisor) -> str:
    return "\n".join(supervisor.ring.last_texts(5000, 1))


async def test_the_fake_engine_s_log_names_a_request_by_the_gateway_s_id() -> None:
    async with supervised(fake={"tokens_per_second": 1}) as supervisor:
        await supervisor.start()
        assert supervisor.engine is not None
        url, secret = supervisor.engine.endpoint, supervisor.identity.secret
        asking = asyncio.create_task(
            request(
                "POST",
                url + "/v1/completions",
                headers={"x-engine-secret": secret, "x-request-id": "req_wanted"},
                body={"model": "demo", "prompt": "a"},
                timeout_seconds=20,
            )
        )
        await until(lambda: "Received request cmpl-req_wanted" in texts(supervisor))
        asking.cancel()
        await until(lambda: "Request cmpl-req_wanted aborted." in texts(supervisor))
        assert PROBE_ID not in texts(supervisor)
