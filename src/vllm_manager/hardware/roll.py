"""The roll of GPUs: which were here since the start of this process, and what runs on each."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from vllm_manager.hardware.schemas import Gpu, ProbeProblem


@dataclass(frozen=True, slots=True)
class GpuUse:
    """A GPU of this machine that was given to something; None: not known."""

    name: str
    """Of what uses it."""
    index: int | None
    uuid: str | None
    """Of the GPU, or of a MIG instance of it."""


class Roll:
    """Remembers every GPU that was well, to name it once the driver no longer does."""

    def __init__(self) -> None:
        self._well: dict[str, Gpu] = {}

    def call(self, gpus: Sequence[Gpu]) -> tuple[list[Gpu], list[ProbeProblem]]:
        """Return the GPUs with those that were here and are gone, and a problem for each of them.

        A GPU that is listed but can't say who it is gets its name back.
        """
        self._well |= {gpu.uuid: gpu for gpu in gpus if gpu.uuid and gpu.state == "ok"}
        listed = {gpu.uuid for gpu in gpus}
        missing = {uuid: gpu for uuid, gpu in self._well.items() if uuid not in listed}
        answered: list[Gpu] = []
        for gpu in gpus:
            if gpu.uuid is None and gpu.state != "ok":
                gpu = _recognised(gpu, missing)
                missing.pop(gpu.uuid or "", None)
            answered.append(gpu)
        return [*answered, *map(_lost, missing.values())], [_problem(g) for g in missing.values()]

    def uses(self, gpus: Sequence[Gpu], uses: Collection[GpuUse]) -> list[Gpu]:
        """Return the GPUs with `used_by` told."""
        return [gpu.model_copy(update={"used_by": self._users(gpu, uses)}) for gpu in gpus]

    def _users(self, gpu: Gpu, uses: Collection[GpuUse]) -> list[str]:
        well = self._well.get(gpu.uuid or "", gpu)
        names = {gpu.uuid, *(i.uuid for i in well.mig.instances)} if well.mig else {gpu.uuid}
        return sorted({use.name for use in uses if _is_of(use, gpu, names)})


def _is_of(use: GpuUse, gpu: Gpu, uuids: Collection[str | None]) -> bool:
    if use.uuid is not None and gpu.uuid is not None:
        return use.uuid in uuids
    return use.index == gpu.index


def _recognised(gpu: Gpu, missing: dict[str, Gpu]) -> Gpu:
    known = next((was for was in missing.values() if was.index == gpu.index), None)
    if known is None:
        return gpu
    return gpu.model_copy(update={"uuid": known.uuid, "name": known.name})


def _lost(was: Gpu) -> Gpu:
    return Gpu.of(vendor=was.vendor, index=was.index, uuid=was.uuid, name=was.name, state="lost")


def _problem(was: Gpu) -> ProbeProblem:
    detail = (
        f"GPU {was.index}{f' ({was.name})' if was.name else ''} was here, and the driver no longer "
        "lists it. Look for “Xid” in the kernel's log; it comes back with a reboot, or not at all "
        "if the card or its power is faulty."
    )
    return ProbeProblem(probe=was.vendor, code="gpu_lost", detail=detail, gpu_index=was.index)


def with_users(problems: Sequence[ProbeProblem], gpus: Sequence[Gpu]) -> list[ProbeProblem]:
    """Return the problems of GPUs with what was on them."""
    return [
        problem.model_copy(update={"used_by": _on(problem.gpu_index, gpus)})
        if problem.gpu_index is not None
        else problem
        for problem in problems
    ]


def _on(index: int, gpus: Sequence[Gpu]) -> list[str]:
    gone = [gpu for gpu in gpus if gpu.index == index and gpu.state != "ok"]
    return sorted({name for gpu in gone for name in gpu.used_by})
