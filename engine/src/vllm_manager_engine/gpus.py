"""Which GPUs Ray gave to this process, by their own names where the driver tells them."""

import importlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_PATIENCE_SECONDS = 2.0
BINDINGS = ("pynvml", "ray._private.thirdparty.pynvml")


@dataclass(frozen=True, slots=True)
class Gpu:
    """One GPU as NVML counts them on this machine; a MIG instance has its UUID alone."""

    index: int | None
    uuid: str | None


def given(ids: Sequence[str]) -> tuple[Gpu, ...]:
    """Return the GPUs behind Ray's ids, which are what `CUDA_VISIBLE_DEVICES` holds.

    A driver that does not answer within 2 s is not waited for: the ids are told as they are.
    """
    if not ids:
        return ()
    known: dict[int, str] = {}
    asking = threading.Thread(target=_list, args=(known,), name="gpus", daemon=True)
    asking.start()
    asking.join(_PATIENCE_SECONDS)
    return named(ids, dict(known))


def named(ids: Sequence[str], uuids: Mapping[int, str]) -> tuple[Gpu, ...]:
    """Return ids with what the driver says of them; `uuids` are those of its whole list (pure)."""
    indices = {uuid: index for index, uuid in uuids.items()}
    found: list[Gpu] = []
    for one in ids:
        if one.isdecimal():
            found.append(Gpu(int(one), uuids.get(int(one))))
        else:  # CUDA takes the beginning of a UUID as well
            full = [uuid for uuid in indices if uuid.startswith(one)]
            uuid = full[0] if len(full) == 1 else one
            found.append(Gpu(indices.get(uuid), uuid))
    return tuple(found)


def uuids_of(library: Any) -> dict[int, str]:
    """Return the UUID of each GPU that NVML lists; one that does not answer is left out."""
    library.nvmlInit()
    try:
        return {
            index: uuid
            for index in range(library.nvmlDeviceGetCount())
            if (uuid := _uuid(library, index)) is not None
        }
    finally:
        library.nvmlShutdown()


def _uuid(library: Any, index: int) -> str | None:
    try:
        uuid: str | bytes = library.nvmlDeviceGetUUID(library.nvmlDeviceGetHandleByIndex(index))
    except library.NVMLError:
        return None
    return uuid.decode() if isinstance(uuid, bytes) else uuid


def _list(known: dict[int, str]) -> None:
    """Put what the driver says into `known`; where it can't be asked, nothing."""
    for name in BINDINGS:
        try:
            library: Any = importlib.import_module(name)
        except ImportError:
            continue
        try:
            known.update(uuids_of(library))
        except library.NVMLError:
            return
        return
