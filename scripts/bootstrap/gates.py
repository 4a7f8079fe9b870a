"""The gates of `make check`, and the tests of `make test`.

Four run at a time, each is told with its seconds, and what fails is printed whole.
"""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from bootstrap.node import search_path
from bootstrap.paths import CONTROL_ENV, FRONTEND, ROOT
from bootstrap.stamps import digest

_AT_ONCE = 4
_HEAVY = ("engine", "product", "browser", "survival")
_NO_HEAVY = " and ".join(f"not {mark}" for mark in (*_HEAVY, "slow"))
_END_TO_END = "tests/end_to_end"


Gates = dict[str, Callable[[], tuple[bool, str]]]


@dataclass(frozen=True)
class Result:
    """How one gate ended."""

    name: str
    ok: bool
    seconds: float
    output: str


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{CONTROL_ENV / 'bin'}{os.pathsep}{search_path()}"}


def _run(command: Sequence[str | Path], cwd: Path = ROOT) -> tuple[bool, str]:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=_environment(),
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
    # Beside what is there, which other gates read meanwhile.
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "gen"
        ok, said = _run(["npm", "run", "gen", "--", "--output", fresh], FRONTEND)
        if ok and digest([fresh]) != digest([FRONTEND / "src" / "api" / "gen"]):
            return False, "frontend/src/api/gen is not what the API says now. Run: make openapi"
    return ok, said


def _tool(*words: str) -> Callable[[], tuple[bool, str]]:
    return lambda: _run([CONTROL_ENV / "bin" / words[0], *words[1:]])


def _halves(name: str, marks: str, first: Sequence[str]) -> Gates:
    """Return tests in two halves: they wait more than they compute, so each runs beside the other.

    `first`: the rooms of the first half; the second has all others.
    """
    folders = [f"tests/{room}" for room in first]
    marked = ("pytest", "-q", "-m", f"{marks} and {_NO_HEAVY}")
    return {
        f"{name}, first half": _tool(*marked, *folders),
        f"{name}, second half": _tool(*marked, *(f"--ignore={folder}" for folder in folders)),
    }


# Long ones first, and the last should be short.
_QUICK: Gates = {
    "types (pyright)": _tool("pyright"),
    "UI (biome, tsc, vitest, knip)": lambda: _run(["npm", "run", "check"], FRONTEND),
    **_halves("tests of units", "not integration", ("auth", "cli", "docs", "gateway", "style")),
    "API client": _client_is_current,
    "import contracts": _tool("lint-imports"),
    "lint (ruff)": _tool("ruff", "check"),
    "format (ruff)": _tool("ruff", "format", "--check"),
    "unused code (vulture)": _tool("vulture"),
}

_ON_POSTGRES = ("db", "migrations", "operations", "auth", "limits", "deployments")
_INTEGRATION: Gates = {
    **_halves("tests of the whole", "integration", ("api", "gateway", "engine")),
    "tests on PostgreSQL": _tool(
        *("pytest", "-q", "--postgres", "-m", "not engine and not sqlite"),
        *(f"tests/{room}" for room in _ON_POSTGRES),
    ),
}


def _timed(name: str, gate: Callable[[], tuple[bool, str]]) -> Result:
    start = time.monotonic()
    ok, output = gate()
    return Result(name, ok, time.monotonic() - start, output)


def _show(result: Result) -> None:
    print(f"{'✓' if result.ok else '✗'} {result.name:<32} {result.seconds:.1f} s", flush=True)
    if not result.ok or result.name.startswith("tests"):
        lines = result.output.rstrip().splitlines()
        print("\n".join(lines if not result.ok else lines[-1:]), flush=True)


def check() -> bool:
    """Run every quick gate; tell whether all passed."""
    search_path()  # installs Node.js, if need be, before two gates want it at once
    return _all_pass(_QUICK)


def integration() -> bool:
    """Run the tests of whole processes and of PostgreSQL; tell whether all passed."""
    return _all_pass(_INTEGRATION)


def heavy() -> bool:
    """Run the tests with an engine, a browser and faults; tell whether all passed.

    Those from end to end wait most of their time, so they run beside the others, which are shown
    as they pass.
    """
    marked = ("pytest", "-m", f"({' or '.join(_HEAVY)}) and not slow")
    beside = {"tests from end to end": _tool(*marked, _END_TO_END)}
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(_all_pass, beside)
        command = [CONTROL_ENV / "bin" / marked[0], *marked[1:], f"--ignore={_END_TO_END}"]
        shown = subprocess.run(command, cwd=ROOT, env=_environment(), check=False)
        return running.result() and shown.returncode == 0


def _all_pass(gates: Gates) -> bool:
    start = time.monotonic()
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        running = [pool.submit(_timed, name, gate) for name, gate in gates.items()]
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
