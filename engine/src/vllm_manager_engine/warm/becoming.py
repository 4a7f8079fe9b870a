"""A forked spare turns into an engine: everything of its past that must not be seen is undone."""

import atexit
import contextlib
import ctypes
import importlib
import os
import random
import resource
import runpy
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vllm_manager_engine.warm import forking
from vllm_manager_engine.warm.wire import Message

_EXIT_BROKEN = 70


def set_limits(limits: Mapping[str, list[int]]) -> None:
    """Apply resource limits by name (`RLIMIT_NOFILE`: [soft, hard]).

    Raises:
        OSError, ValueError: one can't be set.
    """
    for name, (soft, hard) in limits.items():
        number = getattr(resource, name)
        if resource.getrlimit(number) != (soft, hard):
            resource.setrlimit(number, (soft, hard))


def run(request: Message, set_by_import: Mapping[str, str | None], out: int, err: int) -> int:
    """Be the engine; return its exit code. Called in a forked process, and never twice.

    `set_by_import` is what the imported modules put into the environment.
    """
    try:
        _reset(request, out, err)
        _environment(request["environment"], set_by_import)
        module = request["module"]
        words = list(request["arguments"])
        if request["engine"] == "vllm":
            forking.prefer()
    except BaseException as error:
        os.write(err, f"The spare could not become the engine: {error!r}\n".encode())
        return _EXIT_BROKEN
    return _call(module, words)


def _reset(request: Message, out: int, err: int) -> None:
    _signals()
    _descriptors(out, err)
    os.chdir(request["folder"])
    _title(request)
    _randomness()


def _environment(asked: Mapping[str, str], set_by_import: Mapping[str, str | None]) -> None:
    os.environ.clear()
    os.environ.update(asked)
    for name, value in set_by_import.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    time.tzset()
    tempfile.tempdir = None  # to be found anew, by the engine's own environment
    _threads()
    _offline(asked.get("HF_HUB_OFFLINE"))


def _signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _descriptors(out: int, err: int) -> None:
    """Keep the three standard ones and nothing else."""
    sys.stdout.flush()
    sys.stderr.flush()
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(out, 1)
    os.dup2(err, 2)
    os.closerange(3, max(int(name) for name in os.listdir("/proc/self/fd")) + 1)


def _randomness() -> None:
    """Draw what a process draws when it starts; torch's own seed is the same in every process."""
    random.seed()
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None:
        numpy.random.seed()
    process: Any = importlib.import_module("multiprocessing.process")
    process.current_process().authkey = os.urandom(32)


def _threads() -> None:
    """Give the engine the number of threads that it would have read when OpenMP was loaded.

    Through OpenMP itself: torch's own call starts the threads at once, before the core is forked.
    """
    told = os.environ.get("OMP_NUM_THREADS", "")
    count = int(told) if told.isdigit() and int(told) else len(os.sched_getaffinity(0))
    for library in _openmp_libraries():
        ctypes.CDLL(library).omp_set_num_threads(count)


def _openmp_libraries() -> set[str]:
    with open("/proc/self/maps") as maps:
        paths = {line.split(maxsplit=5)[-1].strip() for line in maps if "/" in line}
    return {p for p in paths if Path(p).name.startswith(("libgomp", "libiomp", "libomp"))}


def _offline(told: str | None) -> None:
    """Pass on the one setting that is fixed by importing and differs between deployments."""
    offline = (told or "").upper() in ("1", "ON", "YES", "TRUE")
    for module in list(sys.modules.values()):
        if isinstance(getattr(module, "__dict__", {}).get("HF_HUB_OFFLINE"), bool):
            module.__dict__["HF_HUB_OFFLINE"] = offline


def _title(request: Message) -> None:
    with contextlib.suppress(ImportError):
        library: Any = importlib.import_module("setproctitle")
        words = [sys.executable, "-m", request["module"], *request["arguments"]]
        library.setproctitle(" ".join(words))
        library.setthreadtitle(Path(sys.executable).name)


def _call(module: str, words: list[str]) -> int:
    """Run `module` as `python -m` does."""
    sys.argv = [module, *words]
    sys.orig_argv = [sys.executable, "-m", module, *words]
    sys.path[0] = os.getcwd()
    sys.modules.pop(module, None)  # run anew, under the name __main__
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return _exit_code(end.code)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
        return 130
    except BaseException as error:
        sys.excepthook(type(error), error, error.__traceback__)
        return 1
    return 0


def finish() -> None:
    """Do what Python does at its end: wait for threads, run what was registered, flush."""
    threading: Any = sys.modules["threading"]
    threading._shutdown()
    atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()


def _exit_code(code: object) -> int:
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1
