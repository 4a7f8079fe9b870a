"""Failures produced for real, and whether each is told its right cause.

    .venv/bin/python bench/diagnosis.py [--only NAME …] [--workers N] [--keep FOLDER] [--record]

Each runs a real vLLM on CPU under our supervisor: bad arguments, broken files, too little memory,
kills, full disks, a hub that refuses. It takes about half a minute each. Some need root (control
groups, mounts): where they can't run, they are named and not counted. `--keep` writes what was seen
to a folder; `--record` makes the recordings of `tests/engine/failures` from it.
"""

import argparse
import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY / "engine" / "src"), str(HERE)]

from diagnosis_tools import recordings, runs
from diagnosis_tools.scenarios import ALL, Scenario
from support.hub.process import HubProcess

GOAL_SHARE = 38 / 40


def produce(scenario: Scenario, hub: HubProcess, keep: Path | None) -> dict[str, Any]:
    """Return what was seen of one failure, with how long it took."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        try:
            seen: dict[str, Any] = runs.run(scenario, Path(folder) / "x", hub)
        except Exception as error:
            seen = {"failure": None, "lines": [repr(error)], "phase": None}
    seen["seconds"] = round(time.monotonic() - began, 1)
    if keep is not None:
        (keep / f"{scenario.name}.json").write_text(json.dumps(seen, indent=1))
    told: dict[str, Any] = seen["failure"] or {}
    seen["right"] = told.get("code") == scenario.code
    right = "right" if seen["right"] else "WRONG"
    row = (right, scenario.name, scenario.code, str(told.get("code")), f"{seen['seconds']:.0f} s")
    print("{:6} {:26} {:24} {:24} {:>6}".format(*row), flush=True)
    return seen


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--record", action="store_true")
    told = parser.parse_args()
    keep: Path | None = told.keep
    chosen = [s for s in ALL if told.only is None or s.name in told.only]
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        if told.record:
            return recordings.write(chosen, keep)
    lacks = {scenario.name: runs.lacking(scenario) for scenario in chosen}
    for name, what in lacks.items():
        if what is not None:
            print(f"left out: {name} needs {what}")
    chosen = [scenario for scenario in chosen if lacks[scenario.name] is None]
    with runs.hub() as hub, ThreadPoolExecutor(told.workers) as pool:
        seen: list[dict[str, Any]] = list(pool.map(partial(produce, hub=hub, keep=keep), chosen))
    right = sum(bool(one["right"]) for one in seen)
    print(f"{right} of {len(chosen)} failures were told their right cause")
    return 0 if right >= GOAL_SHARE * len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main())
