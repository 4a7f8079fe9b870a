"""Why an engine failed: its exit and its last lines, turned into a code, a cause and a way out."""

import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from vllm_manager_engine.phases import words

_SHARE_FOR_CACHE = 0.75
PORT_TAKEN = re.compile(r"[Aa]ddress already in use|EADDRINUSE")


@dataclass(frozen=True, slots=True)
class Failure:
    """What the report says of a failure. `evidence` is the line that proves `detail`.

    `suggestion` is `{"argument": name, "value": value}` where a setting would mend it.
    """

    code: str
    detail: str
    evidence: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    suggestion: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Rule:
    code: str
    pattern: re.Pattern[str]
    detail: str  # may use the pattern's named groups


def _rule(code: str, pattern: str, detail: str) -> _Rule:
    return _Rule(code, re.compile(pattern), detail)


# In order: the first rule that any line fits wins, so root causes stand before their consequences.
_RULES: tuple[_Rule, ...] = (
    _rule(
        "kv_cache_too_small",
        r"max seq len \((?P<asked>\d+)\).*?\((?P<need>[\d.]+) GiB KV cache is needed.*?"
        r"available KV cache memory \((?P<have>[\d.]+) GiB\)"
        r"(?:.*?estimated maximum model length is (?P<best>\d+))?",
        "One request of {asked} tokens needs {need} GiB of KV cache, and {have} GiB are there. "
        "Lower max_model_len, or give the cache more memory.",
    ),
    _rule(
        "kv_cache_too_small",
        r"No available memory for the cache blocks",
        "After loading the model no memory was left for the KV cache. Raise "
        "gpu_memory_utilization, choose a smaller or quantized model, or use more GPUs.",
    ),
    _rule(
        "out_of_memory",
        r"Free memory on device .*?\((?P<have>[\d.]+)/(?P<all>[\d.]+) GiB\).*?"
        r"less than desired GPU memory utilization \((?P<asked>[\d.]+),? (?P<need>[\d.]+) GiB\)",
        "The GPU has {have} of {all} GiB free, and {need} GiB were asked for "
        "(gpu_memory_utilization {asked}). Stop what holds the memory, or lower "
        "gpu_memory_utilization.",
    ),
    _rule(
        "out_of_memory",
        r"Available memory on node .*?\((?P<room>[\d.]+)/(?P<all>[\d.]+) GiB\) on kv cache "
        r"allocation is less than requested memory for kv \((?P<need>[\d.]+)",
        "With the model loaded, {room} of the machine's {all} GiB are free, and the KV cache was "
        "to take {need} GiB. Set a smaller kv_cache_memory_bytes, or stop what holds the memory.",
    ),
    _rule(
        "out_of_memory",
        r"Available memory on node.*?less than desired CPU memory utilization",
        "The machine has less free memory than the engine was told to take. Set "
        "kv_cache_memory_bytes, or stop what holds the memory.",
    ),
    _rule(
        "out_of_memory",
        r"CUDA out of memory\.? Tried to allocate (?P<need>[\d.]+ [KMG]iB)",
        "The GPU's memory ran out while {need} more were asked for. Lower max_model_len or "
        "max_num_seqs, choose a smaller or quantized model, or use more GPUs.",
    ),
    _rule(
        "out_of_memory",
        r"(CUDA out of memory|OutOfMemoryError|DefaultCPUAllocator: can't allocate memory|"
        r"Cannot allocate memory|\bMemoryError\b)",
        "Memory ran out. Lower max_model_len, max_num_seqs or the KV cache, choose a smaller "
        "model, or stop what else holds memory.",
    ),
    _rule(
        "gpu_lost",
        r"(GPU is lost|fallen off the bus|Xid|CUDA error: (unspecified launch failure|"
        r"an illegal memory access|device-side|uncorrectable ECC)|NVML.*(Unknown Error|GPU_IS_LOST)"
        r"|No CUDA GPUs are available)",
        "The GPU stopped answering or can't be seen. Check it with nvidia-smi; another start uses "
        "a GPU that works.",
    ),
    _rule(
        "unsupported_model",
        r"Model architectures (?P<name>\[.*?\]) (are not supported|failed to be inspected)",
        "This engine does not know the model's architecture {name}. Choose another model, or a "
        "newer engine.",
    ),
    _rule(
        "unsupported_model",
        r"(trust_remote_code=True|--trust-remote-code|contains custom code which must be executed)",
        "The model needs code of its own to run, which is refused. Choose a model that the engine "
        "supports by itself.",
    ),
    _rule(
        "model_not_found",
        r"(gated repo|GatedRepoError|401 Client Error|403 Client Error|RepositoryNotFoundError|"
        r"is not a local folder and is not a valid model identifier|RevisionNotFoundError)",
        "The model can't be read from the hub: it does not exist under this name and revision, or "
        "needs an access token with its licence accepted. Check the name, or download it first.",
    ),
    _rule(
        "model_not_found",
        r"(Invalid repository ID or local directory|does not appear to have a file named|"
        r"Cannot find any (model )?weights|Can't load the configuration of|"
        r"LocalEntryNotFoundError|OfflineModeIsEnabled)",
        "The model's folder lacks what the engine needs. Check the path, or download the model "
        "again.",
    ),
    _rule(
        "bad_argument",
        r"error: (unrecognized arguments:|argument |ambiguous option:|the following arguments)",
        "The engine does not accept its arguments. Correct the deployment's arguments.",
    ),
    _rule(
        "bad_argument",
        r"(User-specified max_model_len \((?P<asked>\d+)\) is greater than the derived "
        r"max_model_len.*?(?P<best>\d+))",
        "max_model_len {asked} is more than the model was made for ({best}). Lower it.",
    ),
    _rule(
        "bad_argument",
        r"(Value error, |ValueError: .*(must be|argument|not divisible)|"
        r"validation errors? for \w+)",
        "The engine refused its settings. Correct the deployment's arguments as the line says.",
    ),
    _rule(
        "engine_missing",
        r"No module named '?(?P<name>vllm\b[\w.]*)|PackageNotFoundError: .*vllm",
        "vLLM is not installed in the engine environment of this node. Run the set-up again.",
    ),
    _rule("engine_exited", PORT_TAKEN.pattern, "The engine's port was taken by another process."),
)  # fmt: skip

_ERROR_LINE = re.compile(r"^(?:[\w.]+(?:Error|Exception|Interrupt)|error|fatal)\b.*", re.IGNORECASE)
# What Python and its libraries say of a process that is already ending; it tells of no cause.
_AFTERWORD = re.compile(
    r"resource_tracker: |\bnanobind: |^- (leaked|\.\.\. skipped)|^warnings\.warn\("
)
_CONSEQUENCE = re.compile(r"See root cause above|Engine core initialization failed|EngineDeadError")


def explain(exit_code: int | None, signal: int | None, lines: Sequence[str]) -> Failure:
    """Return why a process that ended so, with these last lines, failed."""
    texts = [words(line) for line in lines]
    found = recognise(texts)
    if found is None:
        return Failure("engine_exited", ending(exit_code, signal), _proof(texts), exit_code, signal)
    return Failure(found.code, found.detail, found.evidence, exit_code, signal, found.suggestion)


def recognise(texts: Sequence[str]) -> Failure | None:
    """Return the known failure that `texts` tell of, or None."""
    for rule in _RULES:
        for text in texts:
            match = rule.pattern.search(text)
            if match:
                detail = rule.detail.format(**match.groupdict())
                return Failure(rule.code, detail, text, suggestion=_suggestion(match.groupdict()))
    return None


def ending(exit_code: int | None, signal: int | None) -> str:
    """Say in a sentence how the process ended."""
    if signal == 9:
        return (
            "The engine was killed (signal 9). Where nobody did it by hand, the host ran out of "
            "memory: lower the model's size or the KV cache, or free memory."
        )
    if signal is not None:
        return f"The engine crashed (signal {signal}). Its last lines say where."
    if exit_code is None:
        return "The engine's process is gone. Its last lines may say why."
    return f"The engine ended with code {exit_code}. Its last lines say why."


def _suggestion(groups: dict[str, str | None]) -> dict[str, Any] | None:
    """Return the setting that the numbers of a failure call for, or None."""
    best, room = groups.get("best"), groups.get("room")
    if best and int(best) > 0:
        return {"argument": "max_model_len", "value": int(best)}
    if room:  # A part stays free for the work itself.
        mib = int(float(room) * 1024 * _SHARE_FOR_CACHE)
        return {"argument": "kv_cache_memory_bytes", "value": f"{mib}M"} if mib else None
    have, whole = groups.get("have"), groups.get("all")
    if have and whole and float(whole) > 0:
        share = math.floor(100 * float(have) / float(whole)) / 100
        return {"argument": "gpu_memory_utilization", "value": share} if share > 0 else None
    return None


def _proof(texts: Sequence[str]) -> str | None:
    """Return the last line that looks like an error and is no mere consequence, else the last."""
    errors = [t for t in texts if _ERROR_LINE.match(t)]
    for text in reversed(errors):
        if not _CONSEQUENCE.search(text):
            return text
    return next((t for t in reversed(texts) if t and not _AFTERWORD.search(t)), None)
