"""GPUs, their driver, and whether the engine can use them at all."""

from collections.abc import Mapping
from typing import Final

from vllm_manager_engine.failures.case import Case
from vllm_manager_engine.failures.rule import Groups, Rule, Suggestion, rule, setting


def _as_many_as_there_are(groups: Groups, case: Case) -> list[Suggestion]:
    have, heads = int(groups["have"] or 0), case.asked.heads
    fits = [n for n in range(have, 0, -1) if heads is None or heads % n == 0]
    return [setting("tensor_parallel_size", fits[0])] if fits else []


def _half(_groups: Groups, _case: Case) -> list[Suggestion]:
    return [setting("dtype", "half")]


def _driver_values(groups: Groups, _case: Case) -> Mapping[str, str]:
    found = groups.get("found")
    if not found:
        return {"version": ""}
    number = int(found)  # 12040 is CUDA 12.4
    return {"version": f" (it speaks CUDA {number // 1000}.{number % 1000 // 10})"}


RULES: Final[tuple[Rule, ...]] = (
    rule(
        "not_enough_gpus",
        r"World size \((?P<asked>\d+)\) is larger than the number of available GPUs "
        r"\((?P<have>\d+)\)",
        "The engine is to use {asked} GPUs, and {have} are there. Set tensor_parallel_size and "
        "pipeline_parallel_size so that their product is at most {have}.",
        suggest=_as_many_as_there_are,
    ),
    rule(
        "driver_too_old",
        r"NVIDIA driver on your system is too old(?: \(found version (?P<found>\d+)\))?|"
        r"CUDA driver version is insufficient for CUDA runtime version|"
        r"the provided PTX was compiled with an unsupported toolchain",
        "The NVIDIA driver is older than this engine's CUDA needs{version}. Update the driver on "
        "this node, or install an engine that was built for an older CUDA.",
        values=_driver_values,
    ),
    rule(
        "driver_mismatch",
        r"Driver/library version mismatch|system has unsupported display driver / cuda driver|"
        r"Error 803\b",
        "The NVIDIA driver in the kernel and its libraries are of different versions, as after an "
        "update without a reboot. Reboot this node; in a container, start it anew.",
    ),
    rule(
        "fabric_not_ready",
        r"system not yet initialized|Error 802\b|CUDA_ERROR_SYSTEM_NOT_READY",
        "The GPUs are joined by NVSwitch, and the service that sets it up does not run. Start "
        "`nvidia-fabricmanager` in the driver's own version on this node.",
    ),
    rule(
        "gpu_too_old",
        r"no kernel image is available for execution on the device|"
        r"[Mm]inimum (?:compute )?capability:? (?P<need>[\d.]+).*?"
        r"[Cc]urrent (?:compute )?capability:? (?P<have>[\d.]+)",
        "This engine has no code for a GPU of this generation. Use a newer GPU, another "
        "quantization or attention backend, or an engine that was built for this one.",
    ),
    rule(
        "dtype_unsupported",
        r"Bfloat16 is only supported on GPUs with compute capability of at least (?P<need>[\d.]+)\."
        r" Your (?P<gpu>.+?) GPU has compute capability (?P<have>[\d.]+)",
        "The model is in bfloat16, which a {gpu} (compute capability {have}; {need} is needed) "
        "can't compute. Set dtype to half.",
        suggest=_half,
    ),
    rule(
        "gpu_busy",
        r"all CUDA-capable devices are busy or unavailable|"
        r"CUDA-capable device\(s\) is/are busy or unavailable",
        "The GPU is held by another process alone (exclusive mode). Stop that process, or set the "
        "GPU's mode back with `nvidia-smi -c DEFAULT`.",
    ),
    rule(
        "no_gpu",
        r"No CUDA GPUs are available|Failed to infer device type|no CUDA-capable device is detected"
        r"|Torch not compiled with CUDA enabled|Found no NVIDIA driver on your system|"
        r"Can't initialize NVML|NVML Shared Library Not Found",
        "The engine finds no GPU that it can use: there is none on this node, it is not given to "
        "the container, or the engine was built for CPU. Ask for 0 GPUs, or place the deployment "
        "on a node that has some.",
    ),
    rule(
        "gpu_memory_faulty",
        r"uncorrectable (?:NVLink|ECC) error|CUDA error: uncorrectable|Xid.{0,40}: "
        r"(?:48|63|64|94|95)\b",
        "The GPU's memory made an error that it could not mend. Reset or reboot; a GPU on which "
        "it comes back must be replaced.",
    ),
    rule(
        "gpu_lost",
        r"GPU is lost|fallen off the bus|\bXid\b|CUDA error: (?:unspecified launch failure|"
        r"an illegal memory access|device-side|misaligned address|unknown error)|"
        r"NVML.*(?:Unknown Error|GPU_IS_LOST)",
        "The GPU stopped answering or can't be seen. Check it with nvidia-smi; another start uses "
        "a GPU that works.",
        standing="general",
    ),
    rule(
        "no_attention_backend",
        r"No valid attention backend found for (?P<gpu>\S+) with (?P<what>.*?)\. Reasons",
        "No way to compute attention suits this model on {gpu} with these settings. Take out "
        "attention_backend, or choose another kv_cache_dtype.",
        suggest=lambda _groups, case: [
            setting(name, None)
            for name in ("attention_backend", "kv_cache_dtype")
            if name in case.asked.arguments
        ][:1],
    ),
)
