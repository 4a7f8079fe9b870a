"""`make check`: every gate, three at a time, each with its seconds; what fails is printed whole."""

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from bootstrap.node import search_path
from bootstrap.paths import CONTROL_ENV, FRONTEND, ROOT
from bootstrap.stamps import digest

_AT_ONCE = 3
_QUICK = "not engine and not product and not browser and not survival and not slow"


@dataclass(frozen=True)
class Result:
    """How one gate ended."""

    name: str
    ok: bool
    seconds: float
    output: str


def _run(command: Sequence[str | Path], cwd: Path = ROOT) -> tuple[bool, str]:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, "PATH": f"{CONTROL_ENV / 'bin'}{os.pathsep}{search_path()}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stdout


def openapi_document() -> tuple[bool, str]:
    """Return the API's description as the code gives it now (without warnings on the way)."""
    done = subprocess.run(
        [CONTROL_ENV / "bin" / "python", "-m", "vllm_manager.api.openapi"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stdout if done.returncode == 0 else done.stderr


def _client_is_current() -> tuple[bool, str]:
    """Compare the description and the client made from it with what is committed."""
    ok, document = openapi_document()
    if not ok:
        return False, document
    if document != (FRONTEND / "openapi.json").read_text():
        return False, "frontend/openapi.json is not what the API says now. Run: make openapi"
    generated = FRONTEND / "src" / "api" / "gen"
    before = digest([generated])
    ok, said = _run(["npm", "run", "gen"], FRONTEND)
    if ok and digest([generated]) != before:
        return False, "The generated client was out of date; it is new now: look, and commit it."
    return ok, said


def _tool(*words: str) -> Callable[[], tuple[bool, str]]:
    return lambda: _run([CONTROL_ENV / "bin" / words[0], *words[1:]])


# Tests wait more than they compute, so two halves of them run beside each other.
_FIRST_HALF = [f"tests/{room}" for room in ("api", "configs", "deployments", "engine")]

# Long ones first, and the last should be short.
_GATES: dict[str, Callable[[], tuple[bool, str]]] = {
    "tests, first half": _tool("pytest", "-q", "-m", _QUICK, *_FIRST_HALF),
    "tests, second half": _tool(
        "pytest", "-q", "-m", _QUICK, *(f"--ignore={folder}" for folder in _FIRST_HALF)
    ),
    "types (pyright)": _tool("pyright"),
    "UI (biome, tsc, vitest, knip)": lambda: _run(["npm", "run", "check"], FRONTEND),
    "API client": _client_is_current,
    "import contracts": _tool("lint-imports"),
    "lint (ruff)": _tool("ruff", "check"),
    "format (ruff)": _tool("ruff", "format", "--check"),
    "unused code (vulture)": _tool("vulture"),
}


def _timed(name: str) -> Result:
    start = time.monotonic()
    ok, output = _GATES[name]()
    return Result(name, ok, time.monotonic() - start, output)


def _show(result: Result) -> None:
    print(f"{'✓' if result.ok else '✗'} {result.name:<32} {result.seconds:.1f} s", flush=True)
    if not result.ok or result.name.startswith("tests"):
        lines = result.output.rstrip().splitlines()
        print("\n".join(lines if not result.ok else lines[-1:]), flush=True)


def check() -> bool:
    """Run every gate; tell whether all passed."""
    search_path()  # installs Node.js, if need be, before two gates want it at once
    start = time.monotonic()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running = [pool.submit(_timed, name) for name in _GATES]
        results: list[Result] = []
        for done in as_completed(running):
            results.append(done.result())
            _show(results[-1])
    failed = [result.name for result in results if not result.ok]
    print(f"Checked in {time.monotonic() - start:.0f} s")
    if failed:
        print(f"Failed: {', '.join(failed)}")
    return not failed


def write_client() -> bool:
    """Write the API's description and the UI's client from the code."""
    ok, document = openapi_document()
    if ok:
        (FRONTEND / "openapi.json").write_text(document)
        ok, document = _run(["npm", "run", "gen"], FRONTEND)
    print("" if ok else document)
    return ok


def format_all() -> bool:
    """Bring all code into its form."""
    steps = [_tool("ruff", "check", "--fix-only", "-q"), _tool("ruff", "format")]
    results = [step() for step in steps] + [_run(["npm", "run", "fmt"], FRONTEND)]
    for ok, said in results:
        if not ok:
            print(said)
    return all(ok for ok, _ in results)
