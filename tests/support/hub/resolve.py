"""`/{repository}/resolve/{revision}/{path}` and the content network that large files come from."""

import re
from urllib.parse import quote

from support.hub.contents import Entry
from support.hub.exchange import Exchange
from support.hub.repositories import Commit, Repository

_RANGE = re.compile(r"bytes=(\d*)-(\d*)$")


def parse_range(header: str | None, size_bytes: int) -> tuple[int, int] | None:
    """Return offset and count of the range asked for; None for the whole file.

    Raises:
        ValueError: the range lies outside the file.
    """
    match = _RANGE.match(header) if header else None
    if match is None or match.group(0) == "bytes=-":
        return None
    first, last = match.groups()
    if not first:
        count = min(int(last), size_bytes)
        return size_bytes - count, count
    start = int(first)
    end = min(int(last), size_bytes - 1) if last else size_bytes - 1
    if start >= size_bytes or end < start:
        raise ValueError(header)
    return start, end - start + 1


def serve_file(exchange: Exchange, entry: Entry, headers: dict[str, str]) -> None:
    """Send a file or the range of it that was asked for."""
    request, fault, size = exchange.request, exchange.fault, entry.content.size_bytes
    headers = {"Accept-Ranges": "bytes", **headers}
    asked = None if fault.ignore_range else request.headers.get("range")
    unless = request.headers.get("if-range")
    if unless is not None and unless.strip('"') != headers["ETag"].strip('"'):
        asked = None
    try:
        part = parse_range(asked, size)
    except ValueError:
        exchange.reply(416, b"", {**headers, "Content-Range": f"bytes */{size}"})
        return
    offset, count = part or (0, size)
    if part is not None:
        headers["Content-Range"] = f"bytes {offset}-{offset + count - 1}/{size}"
    if fault.no_length:
        headers.pop("Content-Range", None)
        headers["Connection"] = "close"
    else:
        headers["Content-Length"] = str(count)
    exchange.head(206 if part is not None else 200, headers)
    if request.method != "HEAD":
        exchange.send(entry.content, offset, count)
    if fault.no_length:
        exchange.close()


def resolve(
    exchange: Exchange, repository: Repository, commit: Commit, path: str, network: str | None
) -> None:
    """Answer for one file of a commit: itself, or for LFS the way to the content network."""
    entry = commit.files.get(path)
    told = {"X-Repo-Commit": exchange.fault.commit or commit.sha}
    if entry is None:
        exchange.refuse(404, "EntryNotFound", "Entry not found", **told)
        return
    etag = exchange.fault.etag or entry.etag
    if not entry.is_lfs or network is None:
        serve_file(exchange, entry, {**told, "ETag": f'"{etag}"'})
        return
    headers = {
        **told,
        "X-Linked-Size": str(entry.content.size_bytes),
        "X-Linked-ETag": f'"{etag}"',
        "ETag": f'"{etag}"',
        "Location": f"{network}/cdn/{quote(repository.id)}/{commit.sha}/{quote(path)}?signature=1",
    }
    exchange.reply(302, b"", headers)


def from_network(exchange: Exchange, entry: Entry, headers: dict[str, str]) -> None:
    """Answer as the content network does, which knows no tokens."""
    serve_file(exchange, entry, {**headers, "ETag": f'"{exchange.fault.etag or entry.etag}"'})
