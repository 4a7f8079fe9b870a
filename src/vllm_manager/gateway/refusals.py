"""What callers are told of a model that can't answer: unknown, not ready, or overloaded."""

from collections.abc import Sequence

from vllm_manager.gateway.answers import Refusal
from vllm_manager.gateway.asgi import Headers
from vllm_manager.gateway.directory import Directory, Model
from vllm_manager.gateway.queueing import End, TurnedAway

QUEUE_HEADER = b"x-queue-seconds"


def unknown_model(name: str, known: list[str]) -> Refusal:
    """Return the answer for a model that is not there, or not for this caller."""
    listed = ", ".join(sorted(known)[:20]) or "none yet"
    message = f"There is no model “{name[:100]}” here, or this key may not use it. Known: {listed}."
    return Refusal(404, "model_not_found", message, param="model")


def not_ready(model: Model) -> Refusal:
    """Return the answer for a model without a replica that can be asked now."""
    entry = model.entry
    reason = f" ({entry.reason})" if entry.reason else ""
    state = f"The model “{model.name}” is {entry.phase}{reason}."
    if entry.is_at_rest:
        advice = "Trying again won't help until somebody starts it or mends what failed."
        return Refusal(
            503, f"model_{entry.phase}", f"{state} {advice}", param="model",
            retry_after_seconds=entry.retry_after_seconds or 60, is_final=True,
        )  # fmt: skip
    seconds = entry.retry_after_seconds or 5
    message = f"{state} It can't answer yet; try again in {seconds:.0f} s."
    return Refusal(503, "model_not_ready", message, param="model", retry_after_seconds=seconds)


def turned_away(
    away: TurnedAway,
    directory: Directory,
    name: str,
    more_headers: Sequence[tuple[bytes, bytes]] = (),
) -> Refusal:
    """Return the answer for a request that got no slot of the model `name`."""
    if away.end is End.NOT_READY:
        model = directory.models.get(name)
        return unknown_model(name, []) if model is None else not_ready(model)
    status, code, message = _told(away, name)
    waited = [*more_headers, *queue_headers(away.waited_seconds)]
    seconds = 1 if away.end in (End.NO_QUEUE, End.STOPPING) else away.retry_after_seconds
    return Refusal(status, code, message, retry_after_seconds=seconds, more_headers=waited)


def queue_headers(waited_seconds: float) -> Headers:
    """Return what an answer tells of the wait for a slot; nothing where there was none."""
    return [(QUEUE_HEADER, b"%.3f" % waited_seconds)] if waited_seconds > 0 else []


def _told(away: TurnedAway, name: str) -> tuple[int, str, str]:
    terms, again = away.terms, f"Try again in about {away.retry_after_seconds:.0f} s."
    busy = (
        f"The model “{name}” already answers {terms.slots} requests, which is the most that "
        "its deployment allows at once (max_concurrent_requests)"
    )
    match away.end:
        case End.NO_QUEUE:
            return 429, "concurrency_limit", f"{busy}. Try again in a moment."
        case End.TOO_LONG:
            message = (
                f"{busy}, and this request got no turn within {terms.longest_wait_seconds:g} s, "
                f"which is the longest that one may wait (queue_wait_seconds). {again}"
            )
            return 503, "queue_timeout", message
        case End.DISPLACED:
            message = (
                f"{busy}, and requests of a higher priority took the place of this one among the "
                f"{terms.most_waiting} that may wait (max_queued_requests). {again}"
            )
            return 503, "model_overloaded", message
        case End.STOPPING:
            message = "This gateway is being stopped, and can let nobody wait. Try again."
            return 503, "gateway_stopping", message
        case _:
            message = (
                f"{busy}, and {terms.most_waiting} requests wait, which is the most that may "
                f"(max_queued_requests). {again}"
            )
            return 503, "model_overloaded", message
