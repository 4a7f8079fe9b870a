"""The hub's refusals in this product's words: one place for the catalog and for downloads."""

from dataclasses import dataclass
from typing import Final

import httpx

from vllm_manager.catalog.outbound import OutboundRefused
from vllm_manager.kit.errors import Cause, Problem, Remedy
from vllm_manager.kit.redaction import redact

RETRYABLE: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_LONGEST_WAIT_SECONDS: Final = 3600.0
_DEFAULT_WAIT_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of the hub, for the words of a refusal."""

    endpoint: str
    repo: str | None = None
    revision: str | None = None
    path: str | None = None
    has_token: bool = False

    @property
    def page(self) -> str:
        """The model's page on the hub, where a licence is accepted."""
        return f"{self.endpoint.rstrip('/')}/{self.repo or ''}"


def refusal(
    status: int,
    error_code: str | None,
    asked: Asked,
    said: str | None = None,
    retry_after: str | None = None,
) -> Problem:
    """Return the problem for a hub's answer that is none.

    `error_code` is its `X-Error-Code`, `said` its `X-Error-Message`, `retry_after` its
    `Retry-After`.
    """
    causes = [Cause(message=f"The hub answered {status}.", evidence=redact(said) if said else None)]
    if error_code == "GatedRepo":
        return _gated(asked, causes)
    if error_code == "RevisionNotFound":
        return _no_revision(asked, causes)
    if error_code == "EntryNotFound":
        return _no_file(asked, causes)
    if error_code == "RepoNotFound" or status == 404:
        return _no_repository(asked, causes)
    if status == 401:
        return _token_refused(asked, causes)
    if status == 403:
        return _forbidden(asked, causes)
    if status == 429:
        return _limited(asked, causes, _seconds(retry_after))
    return _unavailable(asked, causes, status, _seconds(retry_after))


def of_response(response: httpx.Response, asked: Asked) -> Problem:
    """Return the problem for an answer with an error status."""
    head = response.headers
    return refusal(
        response.status_code,
        head.get("x-error-code"),
        asked,
        head.get("x-error-message"),
        head.get("retry-after"),
    )


def of_error(error: Exception, asked: Asked) -> Problem:
    """Return the problem for a request that got no answer."""
    if isinstance(error, OutboundRefused | httpx.InvalidURL) or _is_bad_redirect(error):
        return _address_refused(str(error), asked)
    said = redact(str(error) or type(error).__name__)
    return Problem(
        "hub_unreachable",
        f"The model hub at {asked.endpoint} can't be reached: {said}.",
        status=503,
        retryable=True,
        remediation=[
            Remedy(
                label="Check this server's way to the Internet, VLLM_MANAGER_HUB_ENDPOINT and "
                "VLLM_MANAGER_HUB_PROXY."
            ),
            Remedy(label="Models that are on disk already can be deployed without it."),
        ],
    )


def _token(label: str) -> Remedy:
    """Offer to set the token that everybody's models are fetched with."""
    return Remedy(label=label, action="set_token", arguments={"scope": "installation"})


def _is_bad_redirect(error: Exception) -> bool:
    """Whether an answer led to what is no address: `0177.0.0.1`, or round in a circle."""
    led_nowhere = isinstance(error, httpx.RemoteProtocolError) and "location" in str(error).lower()
    return led_nowhere or isinstance(error, httpx.TooManyRedirects | httpx.UnsupportedProtocol)


def _gated(asked: Asked, causes: list[Cause]) -> Problem:
    if asked.has_token:
        detail = (
            f"{asked.repo} is given out under a licence that the token's owner has not accepted, "
            f"or access is still to be granted. Accept it at {asked.page}, then try again."
        )
    else:
        detail = (
            f"{asked.repo} is given out under a licence that must be accepted first. Accept it at "
            f"{asked.page}, then set a Hugging Face token of the account that did."
        )
    remedies = [
        Remedy(
            label=f"Accept the licence at {asked.page}",
            action="visit",
            arguments={"url": asked.page},
        ),
        _token("Set a token: `vllm-manager token set`"),
    ]
    return Problem("hub_gated", detail, status=403, causes=causes, remediation=remedies)


def _token_refused(asked: Asked, causes: list[Cause]) -> Problem:
    told = "the Hugging Face token is not valid: it was revoked, has expired or is mistyped"
    detail = (
        f"The hub refused the request: {told}."
        if asked.has_token
        else ("The hub wants to know who asks, and no Hugging Face token is set.")
    )
    return Problem(
        "hub_token_refused",
        detail,
        status=403,
        causes=causes,
        remediation=[_token("Set a valid token: `vllm-manager token set`")],
    )


def _forbidden(asked: Asked, causes: list[Cause]) -> Problem:
    return Problem(
        "hub_forbidden",
        f"The Hugging Face token may not read {asked.repo or 'this'}. A fine-grained token must "
        "be allowed to read the repositories, public gated ones included.",
        status=403,
        causes=causes,
        remediation=[_token("Set another token: `vllm-manager token set`")],
    )


def _no_repository(asked: Asked, causes: list[Cause]) -> Problem:
    hidden = (
        "is private and closed to the token's owner"
        if asked.has_token
        else "is private, which the hub doesn't tell without a token"
    )
    remedies = [Remedy(label="Check the name with `vllm-manager models search`")]
    if not asked.has_token:
        remedies.append(_token("Set a token: `vllm-manager token set`"))
    return Problem(
        "hub_repo_not_found",
        f"The hub has no model {asked.repo}: it is misspelt, was removed or renamed, or {hidden}.",
        status=404,
        causes=causes,
        remediation=remedies,
    )


def _no_revision(asked: Asked, causes: list[Cause]) -> Problem:
    return Problem(
        "hub_revision_not_found",
        f"{asked.repo} has no revision {asked.revision or 'main'}: the branch or tag was never "
        "there or was removed, or the commit vanished when its history was rewritten.",
        status=404,
        causes=causes,
        remediation=[Remedy(label="Leave the revision out to take the newest commit of `main`.")],
    )


def _no_file(asked: Asked, causes: list[Cause]) -> Problem:
    return Problem(
        "hub_file_not_found",
        f"{asked.repo} at {asked.revision or 'main'} has no file {asked.path or ''}.".replace(
            "  ", " "
        ),
        status=404,
        causes=causes,
    )


def _limited(asked: Asked, causes: list[Cause], wait_seconds: float | None) -> Problem:
    wait = _DEFAULT_WAIT_SECONDS if wait_seconds is None else wait_seconds
    hint = "" if asked.has_token else " With a Hugging Face token the limit is higher."
    remedies = [Remedy(label=f"Wait {wait:.0f} seconds, then try again.")]
    if not asked.has_token:
        remedies.append(_token("Set a token: `vllm-manager token set`"))
    return Problem(
        "hub_rate_limited",
        f"The hub has had too many requests from here and asks to wait {wait:.0f} seconds.{hint}",
        status=429,
        retryable=True,
        retry_after_seconds=wait,
        causes=causes,
        remediation=remedies,
    )


def _unavailable(
    asked: Asked, causes: list[Cause], status: int, wait_seconds: float | None
) -> Problem:
    return Problem(
        "hub_unavailable",
        f"The model hub at {asked.endpoint} has trouble of its own: it answered {status}.",
        status=503,
        retryable=status in RETRYABLE,
        retry_after_seconds=wait_seconds,
        causes=causes,
        remediation=[Remedy(label="Try again in a moment; models on disk can be deployed.")],
    )


def _address_refused(said: str, asked: Asked) -> Problem:
    return Problem(
        "hub_address_refused",
        f"The hub led to an address that is not reached from here: {redact(said)}. Only "
        f"{asked.endpoint} itself may lie inside a network.",
        status=502,
        remediation=[
            Remedy(label="If a mirror keeps its files there, name it in VLLM_MANAGER_HUB_HOSTS.")
        ],
    )


def _seconds(retry_after: str | None) -> float | None:
    """Return the seconds of a `Retry-After`; None where it is a date or nonsense."""
    try:
        value = float(retry_after or "")
    except ValueError:
        return None
    return min(value, _LONGEST_WAIT_SECONDS) if value >= 0 else None
