"""How long until a first token: plain `vllm serve`, our replica cold, and warm, in turns.

    .venv/bin/python bench/start.py [--rounds N] [--engine vllm|fake] [--model FOLDER]

All get the same model and settings, in the same environment. Plain is timed from the start of its
process; a replica from the request that deploys it, so Serve's own share is in it (`serve`). The
other phases are read from what the engine prints, the same way for all three. Real engines take
half a minute a start, and a machine of their own.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parent
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY / "engine" / "src"), str(HERE)]

from start_tools.picture import draw
from support import ray_cluster
from support.ray_cluster import ENGINE_PYTHON, RayCluster, free_ports, wait_until
from support.serve import Deployed, warmer_application
from vllm_manager_engine import command, model_folder
from vllm_manager_engine.phases import ORDER, Course
from vllm_manager_engine.spec import ReplicaSpec

GOAL_COLD_RATIO = 1.05
GOAL_WARM_RATIO = 0.25
GOAL_WARM_SECONDS = 10.0
WAYS = ("plain", "cold", "warm")
_LIMIT_SECONDS = 600
_VLLM_METADATA = "Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n"


def plain_start(engine: str, model: str, home: Path) -> dict[str, float]:
    """Start plain `vllm serve`, return the seconds of each phase to its first token, and end it."""
    port = free_ports(1)[0]
    options = _options(engine, model, port)
    program = ["vllm.entrypoints.cli.main"] if engine == "vllm" else ["vllm_manager_engine.fake"]
    course = Course(time.monotonic())
    process = subprocess.Popen(
        [str(ENGINE_PYTHON), "-m", *program, "serve", model, *options],
        env=_environment(engine, model, home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    reader = threading.Thread(target=_follow, args=[process, course])
    reader.start()
    try:
        wait_until(lambda: _generates(process, port), _LIMIT_SECONDS, "plain's first token")
        course.enter("ready", time.monotonic())
    finally:
        process.terminate()
        process.wait(60)
        reader.join(10)
    return {step.phase: step.seconds for step in course.timeline if step.phase != "ready"}


def _follow(process: "subprocess.Popen[bytes]", course: Course) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if course.phase != "ready":
            course.read(line.decode(errors="replace"), time.monotonic())


def deployed_start(
    ray: RayCluster, engine: str, model: str, name: str, *, warm: bool
) -> dict[str, float]:
    """Deploy one replica, return the seconds of each phase to its ready report, and delete it."""
    began = time.monotonic()
    with Deployed(
        ray,
        name,
        beside=[_warmer(engine)],
        engine=engine,
        model=model,
        cpus=1.0,
        start_deadline_seconds=_LIMIT_SECONDS,
        warm=warm,
    ) as deployed:
        report = deployed.wait_report(lambda r: r["phase"] == "ready", _LIMIT_SECONDS)
        whole = time.monotonic() - began
        assert report["how"] == ("warm" if warm else "cold"), report["how_reason"]
        phases = {step["phase"]: step["seconds"] for step in report["timeline"]}
        return {"serve": whole - sum(phases.values()), **phases}


def _warmer(engine: str) -> dict[str, Any]:
    return warmer_application(engine=engine)


def _options(engine: str, model: str, port: int) -> list[str]:
    """Return what the supervisor passes, but for the guard of the routes."""
    spec = ReplicaSpec("bench", "bench", 1, model, engine=engine)
    whole = command.command(spec, model_folder.locate(model), "127.0.0.1", port)
    options = whole[whole.index("--host") :]
    at = options.index("--middleware")
    return options[:at] + options[at + 2 :]


def _environment(engine: str, model: str, home: Path) -> dict[str, str]:
    spec = ReplicaSpec("bench", "bench", 1, model, engine=engine)
    environment = command.environment(spec, model_folder.locate(model), os.environ, "")
    metadata = home / "named" / "vllm-0.32.0+cpu.dist-info"
    metadata.mkdir(parents=True, exist_ok=True)
    (metadata / "METADATA").write_text(_VLLM_METADATA)
    return environment | {"PYTHONPATH": str(metadata.parent)}


def _generates(process: "subprocess.Popen[bytes]", port: int) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"plain ended with code {process.returncode}")
    body = json.dumps({"model": "bench", "prompt": "Hi", "max_tokens": 1}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/v1/completions",
        data=body,
        headers={"Content-Type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def measure(rounds: int, engine: str, model: str) -> dict[str, Any]:
    starts: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
    ray = ray_cluster.start(cpus=2)
    try:
        # Serve's own start and the first spare are not what is measured.
        # With a machine that has read nothing of the engine yet, this start takes minutes.
        with Deployed(
            ray,
            "first",
            beside=[_warmer(engine)],
            engine=engine,
            start_deadline_seconds=_LIMIT_SECONDS,
            warm=True,
        ) as first:
            first.wait_report(lambda r: r["phase"] == "ready", _LIMIT_SECONDS)
        with tempfile.TemporaryDirectory(prefix="vm-bench-") as home:
            for number in range(rounds):
                name = f"bench-{number}"
                starts["plain"].append(plain_start(engine, model, Path(home)))
                for way in WAYS[1:]:
                    found = deployed_start(ray, engine, model, f"{name}-{way}", warm=way == "warm")
                    starts[way].append(found)
                seconds = [f"{way} {sum(starts[way][-1].values()):.1f} s" for way in WAYS]
                print(f"round {number + 1}: {', '.join(seconds)}", flush=True)
    finally:
        ray.stop()
    return summary(starts)


def summary(starts: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Return medians of whole starts and of their phases, and the ratios to plain."""
    wholes = {way: [sum(one.values()) for one in found] for way, found in starts.items()}
    medians = {way: statistics.median(found) for way, found in wholes.items()}
    names = ("serve", *(phase for phase in ORDER if phase != "ready"))
    phases = {
        way: {name: statistics.median(one.get(name, 0.0) for one in found) for name in names}
        for way, found in starts.items()
    }
    return {
        "starts": starts,
        "seconds": wholes,
        "median_seconds": medians,
        "phase_median_seconds": phases,
        "cold_ratio": medians["cold"] / medians["plain"],
        "warm_ratio": medians["warm"] / medians["plain"],
        "load_average": os.getloadavg()[0],
        "cores": os.cpu_count(),
    }


def report(found: dict[str, Any]) -> tuple[str, bool]:
    """Return the table with which bars are met, and whether all are."""
    phases, medians = found["phase_median_seconds"], found["median_seconds"]
    names = [name for name in phases["cold"] if any(phases[way][name] for way in WAYS)]
    lines = [f"{'median seconds':<18}" + "".join(f"{way:>9}" for way in WAYS)]
    lines += [f"{n:<18}" + "".join(f"{phases[w][n]:>9.2f}" for w in WAYS) for n in names]
    lines.append(f"{'to first token':<18}" + "".join(f"{medians[way]:>9.2f}" for way in WAYS))
    bars = (
        ("warm / plain", found["warm_ratio"], GOAL_WARM_RATIO),
        ("warm seconds", medians["warm"], GOAL_WARM_SECONDS),
        ("cold / plain", found["cold_ratio"], GOAL_COLD_RATIO),
    )
    for name, value, goal in bars:
        verdict = "met" if value <= goal else "NOT met"
        lines.append(f"{name}: {value:.3f} (goal: at most {goal:g}): {verdict}")
    return "\n".join(lines), all(value <= goal for _, value, goal in bars)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--engine", default="vllm", choices=["vllm", "fake"])
    parser.add_argument("--model", default=str(model_folder.DEMO_FOLDER))
    parser.add_argument("--json", type=Path, default=REPOSITORY / "bench/results/start.json")
    options = parser.parse_args()
    found = measure(options.rounds, options.engine, options.model)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, indent=1) + "\n")
    title = "Seconds to the first token (medians)"
    draw(found["phase_median_seconds"], title, options.json.with_suffix(".svg"))
    table, is_met = report(found)
    print(f"\n{table}")
    return 0 if is_met else 1


if __name__ == "__main__":
    sys.exit(main())
