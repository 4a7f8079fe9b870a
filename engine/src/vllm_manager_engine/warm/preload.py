"""What a spare imports before it waits, and what of the environment that has fixed."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# In the order in which a start needs them; one that is missing in a release is passed over.
_VLLM = (
    "setproctitle",
    "vllm.entrypoints.cli.main",
    "vllm.entrypoints.cli.serve",
    "vllm.entrypoints.launchers.api_server.entry",
    "vllm.v1.engine.core",
    "vllm.v1.engine.async_llm",
    "vllm.v1.executor.multiproc_executor",
    "vllm.v1.executor.uniproc_executor",
    "vllm.v1.worker.cpu_worker",
    "vllm.v1.worker.cpu_model_runner",
    "vllm.model_executor.models.llama",
    "vllm.tokenizers",
    "transformers.models.llama",
    "transformers.models.auto",
    "vllm.entrypoints.generate.api_router",
    "vllm.entrypoints.scale_out.factories",
    "vllm.entrypoints.serve.instrumentator",
    "vllm.entrypoints.serve.tokenize.api_router",
    "vllm.renderers.hf",
    "vllm.v1.metrics.reader",
    "model_hosting_container_standards.sagemaker",
    "uvicorn.lifespan.on",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
    "vllm_manager_engine.launch",
    "vllm_manager_engine.secret",
)
_GPU = ("vllm.v1.worker.gpu_worker", "vllm.v1.worker.gpu_model_runner")
_MODULES = {
    "vllm": _VLLM,
    "fake": ("setproctitle", "vllm_manager_engine.fake.service", "vllm_manager_engine.fake.server"),
}

# Read by native code when it is loaded, so not seen by `Reads`.
_NATIVE_PREFIXES = (
    "ATEN_", "C10_", "GLIBC_", "GOMP_", "KMP_", "LD_", "MALLOC_", "MKL_", "OMP_", "ONEDNN_",
    "OPENBLAS_", "PYTHON", "PYTORCH_", "TCMALLOC_", "TORCH_",
)  # fmt: skip
# Their change takes effect after the fork, see `becoming`; or they are of no importance to it.
_MENDED = frozenset({"OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "HF_HUB_OFFLINE", "LD_PRELOAD"})

# Without these, libraries start threads when they are imported.
THREADLESS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def preloaded_libraries(engine: str) -> dict[str, str]:
    """Return `LD_PRELOAD` as vLLM sets it for its core and workers on CPU.

    They get it when they are spawned; those that are forked must have it from the spare.
    """
    spec = importlib.util.find_spec("vllm") if engine == "vllm" else None
    if spec is None or spec.origin is None:
        return {}
    package = Path(spec.origin).parent
    found = [
        next(iter(sorted(folder.glob(pattern))), None)
        for folder, pattern in (
            (package / "libs", "libtcmalloc*.so*"),
            (package.parent / "torch.libs", "libgomp*.so*"),
            (package.parent / "torch" / "lib", "libgomp*.so*"),
        )
    ]
    libraries = [str(path) for path in found if path is not None]
    return {"LD_PRELOAD": ":".join(libraries)} if libraries else {}


class Reads(os._Environ[str]):  # pyright: ignore[reportPrivateUsage]
    """`os.environ` while modules are imported: remembers what it was asked for."""

    names: set[str]

    def __getitem__(self, key: str) -> str:
        if isinstance(key, str) and not _is_sweep():  # pyright: ignore[reportUnnecessaryIsInstance]
            self.names.add(key)
        return super().__getitem__(key)


def _is_sweep() -> bool:
    """Say whether the whole environment is being copied, as for a child process: no decision."""
    frame = sys._getframe(2)  # pyright: ignore[reportPrivateUsage]
    for _ in range(4):
        if frame.f_code.co_name in ("copy", "items", "values", "__iter__", "repr"):
            return True
        if frame.f_back is None:
            return False
        frame = frame.f_back
    return False


def engine_modules(engine: str, *, gpus: bool) -> tuple[str, ...]:
    """Return what a spare for `engine` imports."""
    return _MODULES[engine] + (_GPU if gpus and engine == "vllm" else ())


@dataclass(frozen=True, slots=True)
class Imported:
    """What importing did with the environment."""

    before: Mapping[str, str]
    read: frozenset[str]
    changed: Mapping[str, str | None]
    """What the imported modules set themselves, as they would in a cold start; None: removed."""

    def conflict(self, asked: Mapping[str, str]) -> str | None:
        """Return a variable whose value is fixed by now and that `asked` wants otherwise."""
        native = {n for n in self.before.keys() | asked.keys() if n.startswith(_NATIVE_PREFIXES)}
        for name in sorted((self.read | self.changed.keys() | native) - _MENDED):
            if self.before.get(name) != asked.get(name):
                return name
        return None


def import_all(modules: tuple[str, ...], tell: Callable[[str], None]) -> Imported:
    """Import `modules`, and see what they read and change of the environment."""
    environment: Any = os.environ
    plain: Any = environment.__class__
    before = dict(environment)
    environment.names = set()
    environment.__class__ = Reads
    try:
        for name in modules:
            _import(name)
            tell(name)
    finally:
        environment.__class__ = plain
    read = frozenset(environment.__dict__.pop("names"))
    names = before.keys() | environment.keys()
    changed = {n: environment.get(n) for n in names if environment.get(n) != before.get(n)}
    return Imported(before, read, changed)


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
