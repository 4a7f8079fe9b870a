"""Which verb a download takes in which state, and what it becomes. Pure.

queued ⇄ listing → running → verifying → succeeded
   ↑        │          │          │
   │        └──────────┴──────────┴──→ failed ─ retry ─→ queued
   └ resume ─ paused (from any of these) ; cancel from any that has not ended → cancelled
"""

from typing import Literal

from vllm_manager.downloads.schemas import ACTIVE_STATES, DownloadState
from vllm_manager.kit.errors import Problem

Verb = Literal["pause", "resume", "cancel", "retry"]

_TO: dict[Verb, DownloadState] = {
    "pause": "paused",
    "resume": "queued",
    "cancel": "cancelled",
    "retry": "queued",
}
_FROM: dict[Verb, tuple[DownloadState, ...]] = {
    "pause": ACTIVE_STATES,
    "resume": ("paused",),
    "cancel": (*ACTIVE_STATES, "paused", "failed"),
    "retry": ("failed", "cancelled"),
}
_IDLE: dict[Verb, tuple[DownloadState, ...]] = {
    "pause": ("paused",),
    "resume": ACTIVE_STATES,
    "cancel": ("cancelled",),
    "retry": ACTIVE_STATES,
}
_DO: dict[DownloadState, str] = {
    "succeeded": "It is complete; ask for it again to fetch what is new.",
    "failed": "It has failed; retry it, or cancel it to remove its partial files.",
    "cancelled": "It was cancelled; retry it to begin anew.",
    "paused": "It is paused; resume it, or cancel it.",
}


def after(verb: Verb, state: DownloadState) -> DownloadState:
    """Return the state that `verb` leads to; the same one where there is nothing to do.

    Raises:
        Problem: the verb makes no sense in this state (409).
    """
    if state in _IDLE[verb]:
        return state
    if state not in _FROM[verb]:
        hint = _DO.get(state, "It is under way.")
        raise Problem(
            "download_state", f"A download that is {state} can't {verb}. {hint}", status=409
        )
    return _TO[verb]
