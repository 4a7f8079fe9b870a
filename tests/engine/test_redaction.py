"""What a replica knows to be secret is in no line that it keeps."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from support.engines import report_sink, supervised, until
from vllm_manager_engine.failures.failure import Failure
from vllm_manager_engine.redaction import forms_of, hidden, hide, secrets_of
from vllm_manager_engine.spec import ReplicaSpec
from vllm_manager_engine.supervisor import EngineFailed

CANARY = 'plain-looking "value"-1'
SEALED: dict[str, Any] = {
    "environment": {"WANDB_KEY": CANARY},
    "secret_names": ["WANDB_KEY", "GONE"],
}


def test_values_of_variables_that_name_a_secret_are_secret() -> None:
    found = secrets_of(
        {
            "HF_TOKEN": "canary-of-the-node",
            "HF_TOKEN_PATH": "/a/long/path",
            "HOME": "/home/somebody",
        },
        {"MY_PASSWORD": "swordfish", "USE_TOKENS": "1"},
    )
    assert set(found) == {"canary-of-the-node", "swordfish"}


def test_they_are_taken_out_of_a_line() -> None:
    assert hide("a swordfish and swordfish", ["swordfish"]) == "a … and …"


async def test_an_engine_that_prints_its_secret_tells_nobody() -> None:
    async with supervised(environment={"HF_TOKEN": "canary-of-the-node"}) as supervisor:
        supervisor._on_line("stderr", f"x canary-of-the-node {supervisor.identity.secret}")  # pyright: ignore[reportPrivateUsage]
        assert supervisor.ring.since(1, 1)[0].text == "x … …"


@pytest.mark.parametrize(
    "line",
    [CANARY, json.dumps({"x": CANARY}), f"?k={quote(CANARY, safe='')}&", f"first line\t{CANARY}"],
)
def test_a_secret_goes_in_every_form(line: str) -> None:
    shown = hide(line, forms_of(CANARY))
    assert "plain" not in shown
    assert "…" in shown


def test_each_line_of_a_secret_is_one() -> None:
    secrets = forms_of("swordfish-1\n  swordfish-22\nshort\n")
    assert hide("swordfish-22, swordfish-1, short", secrets) == "…, …, short"


def test_which_values_are_sealed_is_told_by_name() -> None:
    told = {"deployment": "d", "uid": "u", "generation": 1, "model": "m"}
    assert ReplicaSpec.from_args({**told, **SEALED}).sealed == (CANARY,)
    assert ReplicaSpec.from_args(told).sealed == ()


async def test_a_sealed_value_is_in_no_line_and_no_message() -> None:
    async with supervised(**SEALED) as supervisor:
        output = supervisor._output("stdout")  # pyright: ignore[reportPrivateUsage]
        output.feed(f"key {CANARY}\nLoading 10%\rLoading with {CANARY}".encode(), 0)
        assert supervisor.ring.since(1, 1)[0].text == "key …"
        assert supervisor.course.message == "Loading with …"


async def test_a_sealed_value_is_in_no_failure() -> None:
    words = f"Traceback (most recent call last):\n  x\nValueError: no {CANARY} here"
    told = {"crash_in": "loading", "stderr": words}
    async with (
        report_sink() as sink,
        supervised(fake=told, report_url=sink.url, **SEALED) as supervisor,
    ):
        with pytest.raises(EngineFailed) as caught:
            await supervisor.start()
        await until(lambda: sink.last.get("failure"))
        said = json.dumps(sink.reports, ensure_ascii=False)
        assert "ValueError: no … here" in said
        assert "plain-looking" not in said + str(caught.value)


def test_what_proves_a_failure_holds_no_secret() -> None:
    failure = Failure("engine_hung", f"no {CANARY}", evidence=f"at {CANARY}", tail=f"x\n{CANARY}")
    told = hidden(failure, forms_of(CANARY))
    assert (told.detail, told.evidence, told.tail) == ("no …", "at …", "x\n…")
