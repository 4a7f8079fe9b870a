"""Which requests go first where they must wait: three classes, and what a caller may choose."""

from collections.abc import Mapping

from vllm_manager.gateway.answers import Refusal

PRIORITIES = {"low": 0, "normal": 1, "high": 2}
NORMAL = PRIORITIES["normal"]
CLASSES = tuple(sorted(PRIORITIES.values()))
PRIORITY_HEADER = b"x-priority"
_SENT = {name.encode(): each for name, each in PRIORITIES.items()}


def priority_of(granted: int, headers: Mapping[bytes, bytes]) -> int:
    """Return a request's class: what its key was granted, or less where the request says so.

    Raises:
        Refusal: 400, the header has no priority in it.
    """
    sent = headers.get(PRIORITY_HEADER)
    if sent is None:
        return granted
    asked = _SENT.get(sent.lower())
    if asked is None:
        message = f"The header X-Priority takes {', '.join(PRIORITIES)}."
        raise Refusal(400, "invalid_value", message, param="X-Priority")
    return min(granted, asked)
