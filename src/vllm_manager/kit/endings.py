"""How a request to a model ended, in one set of words for the gateway and for usage."""

from typing import Final, Literal

Outcome = Literal["ok", "refused", "upstream_failed", "client_left", "cancelled"]
"""`refused`: by the gateway or by an engine. `cancelled`: by somebody, or by the gateway's end."""

StatusClass = Literal["2xx", "4xx", "5xx", "client_left", "cancelled"]
STATUS_CLASSES: Final[tuple[StatusClass, ...]] = ("2xx", "4xx", "5xx", "client_left", "cancelled")


def status_class(status: int, outcome: str) -> StatusClass:
    """Return what a request counts as: its end decides, where its status came before it.

    A request that was never answered has no status (0): that is the server's failure. `outcome` may
    be a word that this version does not know: then the status decides.
    """
    if outcome == "client_left" or outcome == "cancelled":
        return outcome
    if outcome == "upstream_failed" or status >= 500 or status < 100:
        return "5xx"
    return "4xx" if status >= 400 else "2xx"
