"""One range of one file over HTTP: what to ask, and what the answer means."""

import http.client
import re
from dataclasses import dataclass
from email.message import Message
from email.utils import parsedate_to_datetime
from time import time
from urllib.parse import quote

from vllm_manager.downloads.worker.failures import Changed, Failure, TryAgain
from vllm_manager.downloads.worker.wire import Answer

_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_CHECKSUM = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_LONGEST_WAIT_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file of a repository at a commit, and what its ETag must be."""

    endpoint: str
    repo: str
    commit: str
    path: str
    size_bytes: int
    checksum: str

    @property
    def url(self) -> str:
        return f"{self.endpoint}/{self.repo}/resolve/{self.commit}/{quote(self.path)}"


def headers_for(start: int, end: int, size_bytes: int, etag: str | None) -> dict[str, str]:
    """Return the headers that ask for a range, unless the file has another ETag by now."""
    if (start, end) == (0, size_bytes) and etag is None:
        return {}
    asked = {"Range": f"bytes={start}-{end - 1}"}
    if etag is not None and not etag.startswith("W/"):
        asked["If-Range"] = etag
    return asked


def check(answer: Answer, wanted: Wanted, *, from_hub: bool) -> None:
    """Return where the answer is a file, and the one that was listed.

    `from_hub` says that the first hop was the hub itself, which knows the file's checksum; the
    ETag of a content network is its own.

    Raises:
        Changed: the file is another one than was listed.
        TryAgain: the hub is busy or ill.
        Failure: it refuses.
    """
    if answer.response.status not in (200, 206):
        raise refusal(answer.response, wanted)
    if not from_hub:
        return
    etag = _bare(answer.first.get("X-Linked-ETag") or answer.first.get("ETag"))
    if etag != wanted.checksum and _CHECKSUM.fullmatch(etag):
        raise Changed(f"{wanted.path}: its ETag is {etag}, listed was {wanted.checksum}")
    commit = answer.first.get("X-Repo-Commit")
    if commit is not None and commit != wanted.commit:
        raise Changed(f"{wanted.path} is of commit {commit} now")


def offset_of(
    response: http.client.HTTPResponse, wanted: Wanted, start: int, end: int, etag: str | None
) -> int:
    """Return where in the file the body begins: at `start`, or at 0 where all of it is sent.

    Raises:
        Changed: the file has another size, or is not the one whose first part is on disk.
    """
    headers, size = response.headers, wanted.size_bytes
    if response.status == 200:
        told = headers.get("Content-Length")
        if told is not None and told != str(size):
            raise Changed(f"{wanted.path} has {told} bytes, listed were {size}")
        if etag is not None and headers.get("ETag") != etag:
            raise Changed(f"{wanted.path} is another file than when it was begun")
        return 0
    found = _RANGE.fullmatch(headers.get("Content-Range") or "")
    if found is None or int(found[1]) != start or int(found[2]) != end - 1:
        raise Changed(f"{wanted.path}: the hub sent another range than was asked for")
    if found[3] not in ("*", str(size)):
        raise Changed(f"{wanted.path} has {found[3]} bytes, listed were {size}")
    return start


def _bare(etag: str | None) -> str:
    return (etag or "").removeprefix("W/").strip('"')


def refusal(response: http.client.HTTPResponse, wanted: Wanted) -> Exception:
    """Return what an answer that is no file means."""
    status, headers = response.status, response.headers
    what = f"{wanted.path} of {wanted.repo}"
    if status == 416:
        return Changed(f"{what} is shorter than was listed")
    if status == 429:
        return TryAgain(_busy(what), retry_after(headers))
    if status in (408, 425) or status >= 500:
        return TryAgain(_ill(what, status), retry_after(headers))
    code = headers.get("X-Error-Code")
    if status == 401:
        return _denied(wanted, "hub_token_needed", "The hub asks who is asking")
    if status == 403:
        why = "Its owners let in only whom they know" if code == "GatedRepo" else "It is refused"
        return _denied(wanted, "hub_gated" if code == "GatedRepo" else "hub_forbidden", why)
    if status in (404, 410):
        return Failure(
            "hub_file_gone",
            f"{what} is no longer there at commit {wanted.commit[:12]}. The repository may have "
            "been changed or removed; retry to list it anew.",
            status=404,
        )
    return Failure("hub_refused", f"The hub answered {status} for {what}.", status=502)


def retry_after(headers: Message) -> float | None:
    """Return the seconds that a Retry-After header asks for, bounded; None where there is none."""
    text = (headers.get("Retry-After") or "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time()
        except ValueError:
            return None
    return max(0.0, min(seconds, _LONGEST_WAIT_SECONDS))


def _busy(what: str) -> Failure:
    return Failure(
        "hub_rate_limited",
        f"The hub limits how often it is asked, and still did after several tries for {what}. "
        "What has come is kept; retry later. With a token the limit is higher.",
        retryable=True,
        evidence="429 Too Many Requests",
        status=429,
    )


def _ill(what: str, status: int) -> Failure:
    return Failure(
        "hub_unavailable",
        f"The hub answered {status} for {what}, again and again. What has come is kept; retry "
        "when the hub is well.",
        retryable=True,
        evidence=str(status),
        status=503,
    )


def _denied(wanted: Wanted, code: str, why: str) -> Failure:
    return Failure(
        code,
        f"{why}: {wanted.repo} can't be fetched with the token in use. Accept its terms on the "
        "Hub, and set a token of that account that may read it.",
        status=403,
        remedies=("Set a token: vllm-manager token set",),
    )
