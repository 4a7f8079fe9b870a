"""How long until a first token: a replica under Ray Serve against plain `vllm serve`, in turns.

    .venv/bin/python bench/start.py [--rounds N] [--engine vllm|fake] [--model FOLDER]

Both get the same model and settings, in the same environment. Plain is timed from the start of its
process; the replica from the request that deploys it, so Serve's own share is in it. Real engines
take half a minute a start, and a machine of their own.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY / "engine" / "src")]

from support import ray_cluster  # noqa: E402
from support.ray_cluster import ENGINE_PYTHON, RayCluster, free_ports, wait_until  # noqa: E402
from support.serve import Deployed  # noqa: E402
from vllm_manager_engine import command, model_folder  # noqa: E402
from vllm_manager_engine.spec import ReplicaSpec  # noqa: E402

GOAL_RATIO = 1.15
_LIMIT_SECONDS = 600
_VLLM_METADATA = "Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n"


def plain_seconds(engine: str, model: str, home: Path) -> float:
    """Start plain `vllm serve`, return the seconds to its first token, and end it."""
    port = free_ports(1)[0]
    options = _options(engine, model, port)
    program = ["vllm.entrypoints.cli.main"] if engine == "vllm" else ["vllm_manager_engine.fake"]
    began = time.monotonic()
    with (home / "plain.log").open("wb") as log:
        process = subprocess.Popen(
            [str(ENGINE_PYTHON), "-m", *program, "serve", model, *options],
            env=_environment(engine, model, home),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_until(lambda: _generates(process, port), _LIMIT_SECONDS, "plain's first token")
        return time.monotonic() - began
    finally:
        process.terminate()
        process.wait(60)


def deployed_seconds(ray: RayCluster, engine: str, model: str, name: str) -> dict[str, float]:
    """Deploy one replica, return the seconds to its ready report, and delete it."""
    began = time.monotonic()
    with Deployed(
        ray, name, engine=engine, model=model, cpus=1.0, start_deadline_seconds=_LIMIT_SECONDS
    ) as deployed:
        report = deployed.wait_report(lambda r: r["phase"] == "ready", _LIMIT_SECONDS)
        whole = time.monotonic() - began
        phases = {step["phase"]: step["seconds"] for step in report["timeline"]}
        return {"whole": whole, "supervised": sum(phases.values()), **phases}


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
    plain: list[float] = []
    deployed: list[dict[str, float]] = []
    ray = ray_cluster.start(cpus=2)
    try:
        with Deployed(ray, "warm-serve") as first:  # Serve's own start is not what is measured
            first.wait_ready()
        with tempfile.TemporaryDirectory(prefix="vm-bench-") as home:
            for number in range(rounds):
                plain.append(plain_seconds(engine, model, Path(home)))
                deployed.append(deployed_seconds(ray, engine, model, f"bench-{number}"))
                print(f"round {number + 1}: {plain[-1]:.1f} s, {deployed[-1]['whole']:.1f} s")
    finally:
        ray.stop()
    return summary(plain, deployed)


def summary(plain: list[float], deployed: list[dict[str, float]]) -> dict[str, Any]:
    whole = statistics.median(d["whole"] for d in deployed)
    base = statistics.median(plain)
    return {
        "plain_seconds": plain,
        "deployed": deployed,
        "plain_median_seconds": base,
        "deployed_median_seconds": whole,
        "supervised_median_seconds": statistics.median(d["supervised"] for d in deployed),
        "ratio": whole / base,
        "goal_ratio": GOAL_RATIO,
        "load_average": os.getloadavg()[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engine", default="vllm", choices=["vllm", "fake"])
    parser.add_argument("--model", default=str(model_folder.DEMO_FOLDER))
    parser.add_argument("--json", type=Path, default=REPOSITORY / "bench/results/start.json")
    options = parser.parse_args()
    found = measure(options.rounds, options.engine, options.model)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, indent=1) + "\n")
    print(f"\n{'to the first token':<34}{'median, s':>10}")
    print(f"{'plain vllm serve':<34}{found['plain_median_seconds']:>10.2f}")
    print(f"{'replica, from its own start':<34}{found['supervised_median_seconds']:>10.2f}")
    print(f"{'replica, from the request':<34}{found['deployed_median_seconds']:>10.2f}")
    print(f"ratio {found['ratio']:.3f} (goal: at most {GOAL_RATIO})")


if __name__ == "__main__":
    main()
