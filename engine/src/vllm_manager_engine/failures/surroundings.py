"""The machine around the engine: disk, limits, rights, ports, libraries, and other processes."""

from collections.abc import Mapping
from typing import Final

from vllm_manager_engine.failures.case import Case
from vllm_manager_engine.failures.rule import Groups, Rule, gib, grouped, rule, setting

PORT_TAKEN: Final = r"[Aa]ddress already in use|EADDRINUSE"


def _limit(_groups: Groups, case: Case) -> Mapping[str, str]:
    limit = case.host.open_files_limit
    return {"limit": f" (it is {grouped(limit)} for the supervisor)" if limit else ""}


def _disk(_groups: Groups, case: Case) -> Mapping[str, str]:
    free = case.host.disk_free_bytes
    return {
        "free": f" Where temporary files go, {gib(free)} are free now." if free is not None else ""
    }


def _shared(_groups: Groups, case: Case) -> Mapping[str, str]:
    size, free = case.host.shared_memory_bytes, case.host.shared_memory_free_bytes
    if size is None or free is None:
        return {"shared": ""}
    return {"shared": f" /dev/shm has {gib(size)}, of which {gib(free)} are free now."}


RULES: Final[tuple[Rule, ...]] = (
    rule(
        "shared_memory_full",
        r"Insufficient space in /dev/shm.*?: (?P<need>[\d.]+ \w+) required, (?P<have>[\d.]+ \w+) "
        r"free",
        "Shared memory is too small: the engine's processes need {need} of /dev/shm, and {have} "
        "are "
        "free. Make it larger (in a container: --shm-size, or --ipc=host).",
    ),
    rule(
        "shared_memory_full",
        r"[Ee]rror while creating shared memory segment|unable to (?:open|allocate|mmap) shared "
        r"memory|"
        r"unable to write to file </torch_|No space left on device.*(?:/dev/shm|nccl|psm_)|"
        r"Bus error.*shared memory|insufficient shared memory",
        "Shared memory (/dev/shm) ran out.{shared} Make it larger (in a container: --shm-size, or "
        "--ipc=host).",
        values=_shared,
    ),
    rule(
        "disk_full",
        r"No space left on device|Errno 28\b|ENOSPC|Disk quota exceeded",
        "A disk is full: the engine could not write its caches or temporary files.{free} Free some "
        "space, for instance by deleting models that nobody uses.",
        values=_disk,
    ),
    rule(
        "file_too_large",
        r"File too large|Errno 27\b",
        "The engine may not write files as large as it needs (`ulimit -f`). Raise the limit of the "
        "service that starts Ray.",
    ),
    rule(
        "read_only",
        r"Read-only file system(?:: '(?P<path>[^']*)')?",
        "The engine must write where the file system is read-only ({path}). Mount it writable, or "
        "set VLLM_CACHE_ROOT to a folder that is.",
    ),
    rule(
        "too_many_files",
        r"Too many open files|Errno 24\b",
        "The engine may not open as many files and sockets as it needs{limit}. Raise `ulimit -n` "
        "(in systemd: LimitNOFILE) of the service that starts Ray, to 65,536 for instance.",
        values=_limit,
    ),
    rule(
        "too_many_processes",
        r"can't start new thread|pthread_create failed|Resource temporarily unavailable|"
        r"fork: retry|std::system_error.*Resource",
        "The engine may not start as many threads as it needs. Raise `ulimit -u` (in systemd: "
        "TasksMax; in a container: --pids-limit).",
    ),
    rule(
        "permission_denied",
        r"(?:Permission denied|Errno 13\b)(?:.*?'(?P<path>[^']*)')?",
        "The engine's user may not read or write {path}. Give it the right, or move it to a folder "
        "that it may use.",
    ),
    rule(
        "port_taken",
        PORT_TAKEN,
        "The engine's port was taken by another process. Another start uses another one.",
    ),
    rule(
        "address_unusable",
        r"Cannot assign requested address|Temporary failure in name resolution|Name or service "
        r"not known",
        "The node's own address or name can't be used: it changed, or can't be resolved. Check the "
        "node's network, and restart Ray on it.",
        standing="general",
    ),
    rule(
        "engine_missing",
        r"No module named '?(?P<name>vllm\b[\w.]*)|PackageNotFoundError: .*vllm",
        "vLLM is not installed in the engine environment of this node. Run the set-up again.",
    ),
    rule(
        "missing_dependency",
        r"(?:ModuleNotFoundError: )?No module named '?(?P<name>[\w.]+)|"
        r"[Pp]lease install (?P<other>[\w.>=\[\]-]+)|requires the (?P<third>\w+) "
        r"(?:library|package)",
        "The engine needs the Python package {name}{other}{third}, which is not installed in the "
        "engine environment of this node. Install it there, or run the set-up again.",
    ),
    rule(
        "driver_missing",
        r"(?:libcuda\.so\S*|libnvidia-ml\.so\S*): cannot open shared object file",
        "The NVIDIA driver's libraries are not there: no driver is installed on this node, or the "
        "container was started without the GPUs (--gpus all).",
    ),
    rule(
        "library_missing",
        r"(?P<name>lib[\w.+-]+\.so[\w.]*): cannot open shared object file",
        "The system library {name} is missing on this node: the engine was built for other "
        "libraries "
        "(for CUDA where there is none, for instance). Install it, or run the set-up again.",
    ),
    rule(
        "version_mismatch",
        r"cannot import name '(?P<name>[^']*)' from '(?P<where>[^']*)'|undefined symbol: "
        r"(?P<symbol>\w+)|"
        r"operator (?P<operator>\w+::\w+) does not exist|VersionConflict|"
        r"is required for a normal functioning of this module, but found",
        "Packages of the engine environment don't belong together ({where}{symbol}{operator} lacks "
        "what another one needs). Run the set-up again; it installs the versions of the lock file.",
    ),
    rule(
        "compiler_missing",
        r"Failed to find C compiler|No such file or directory: "
        r"'(?P<name>(?:g\+\+|gcc|cc|clang|nvcc|ninja)[^']*)'"
        r"|CUDA_HOME environment variable is not set|InvalidCxxCompiler",
        "Kernels are compiled at the start, and this node has no compiler for it {name}. Install "
        "one "
        "(`apt install build-essential`), or do without compiled kernels (enforce_eager).",
        suggest=lambda _groups, _case: [setting("enforce_eager", True)],
    ),
    rule(
        "program_missing",
        r"Command '(?P<name>[^' ]+)[^']*' returned non-zero exit status 127|"
        r"FileNotFoundError: .*No such file or directory: '(?P<other>[\w.+-]+)'$",
        "The engine calls the program {name}{other}, which this node does not have, or not in its "
        "PATH. Install it, or correct PATH in the deployment's environment.",
    ),
    rule(
        "compile_failed",
        r"InductorError: (?P<why>.*)|CppCompileError|BackendCompilerFailed",
        "Compiling the model's kernels failed ({why}). Do without compiled kernels "
        "(enforce_eager).",
        suggest=lambda _groups, _case: [setting("enforce_eager", True)],
        standing="general",
    ),
    rule(
        "cpu_unsupported",
        r"Illegal instruction|requires AVX512|does not support (?:AVX|AMX)",
        "The processor lacks instructions that this engine was built with. Use a newer machine, "
        "or an "
        "engine that was built for this one.",
    ),
)
