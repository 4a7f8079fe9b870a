"""`fit` asks the server and says what takes how much."""

import json
from collections.abc import Callable
from typing import Any

from typer.testing import Result

from configs.fit.asked import LLAMA_8B, Room, ask
from support.rest_server import RestServer

Run = Callable[..., Result]
FITS = ask("llama-3-8b", LLAMA_8B, Room(gpus=[(24, 23.6)]))
DOES_NOT = ask("llama-3-8b", LLAMA_8B, Room(gpus=[(24, 12)]))
UNKNOWN = ask("llama-3-8b", None, Room(gpus=[(24, 23.6)]))


def answer(server: RestServer, report: Any) -> None:
    server.answer("POST /api/v1/fit", report.model_dump(mode="json"))


def test_it_shows_the_parts_and_what_the_cache_holds(run: Run, server: RestServer) -> None:
    answer(server, FITS)
    shown = run("fit", "llama-3-8b")
    assert shown.exit_code == 0
    assert shown.stdout.startswith("fits  It fits: ")
    (weights,) = [line for line in shown.stdout.splitlines() if line.startswith("weights")]
    assert weights.split() == ["weights", "15.0", "GiB"]
    assert f"{FITS.kv_tokens:,}" in shown.stdout


def test_what_does_not_fit_exits_with_1_and_says_what_to_change(
    run: Run, server: RestServer
) -> None:
    answer(server, DOES_NOT)
    shown = run("fit", "llama-3-8b")
    assert shown.exit_code == 1
    assert "does not fit" in shown.stdout
    assert "arguments.quantization = fp8: fits" in shown.stdout.replace("\n", " ")


def test_unknown_is_a_dash_and_never_a_nought(run: Run, server: RestServer) -> None:
    answer(server, UNKNOWN)
    shown = run("fit", "llama-3-8b")
    assert shown.exit_code == 0
    assert "unknown" in shown.stdout
    assert "–" in shown.stdout
    (weights,) = [line for line in shown.stdout.splitlines() if line.startswith("weights")]
    assert weights.split() == ["weights", "–"]


def test_settings_go_along_as_in_deploy(run: Run, server: RestServer) -> None:
    answer(server, FITS)
    run(
        "fit", "llama-3-8b", "--revision", "main", "--arg", "max-model-len=8192", "--tp", "2",
        "--env", "A=b", "--gpu-memory", "80", "--gpu-count", "2", "--json",
    )  # fmt: skip
    sent = server.calls[0].body
    assert sent["arguments"] == {"max_model_len": 8192}
    assert sent["resources"] == {"tensor_parallel_size": 2}
    assert sent["device"] == {"memory_total_bytes": 80 * 1024**3, "count": 2}


def test_the_report_is_printed_as_it_is_for_programs(run: Run, server: RestServer) -> None:
    answer(server, FITS)
    assert json.loads(run("fit", "llama-3-8b", "--json").stdout) == FITS.model_dump(mode="json")
