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
_AGAIN = frozenset({408, 425, 429})


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
        problem = refusal(answer.response, wanted)
        if isinstance(problem, Failure) and answer.url != wanted.url:
            raise TryAgain(problem)  # the place it led to refuses: the hub may name another
        raise problem
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
    if found is None:  # it says that it is a range; the checksum tells if it is another one
        return start
    if int(found[1]) != start or int(found[2]) != end - 1:
        raise Changed(f"{wanted.path}: the hub sent another range than was asked for")
    if found[3] not in ("*", str(size)):
        raise Changed(f"{wanted.path} has {found[3]} bytes, listed were {size}")
    return start


def _bare(etag: str | None) -> str:
    return (etag or "").removeprefix("W/").strip('"')


def refusal(response: http.client.HTTPResponse, wanted: Wanted) -> Exception:
    """Return what an answer that is no file means: to ask again, or that there is no use in it."""
    status, headers = response.status, response.headers
    if status == 416:
        return Changed(f"{wanted.path} is shorter than was listed")
    answer = {
        "status": status,
        "error_code": headers.get("X-Error-Code"),
        "said": headers.get("X-Error-Message"),
        "retry_after": headers.get("Retry-After"),
        "path": wanted.path,
    }
    detail = f"The hub answered {status} for {wanted.path}."
    again = status in _AGAIN or status >= 500
    failure = Failure("hub_refused", detail, retryable=again, status=502, answer=answer)
    return TryAgain(failure, retry_after(headers)) if again else failure


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
