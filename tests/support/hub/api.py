"""`/api`: search, model information, trees, paths and who a token belongs to."""

import json
import struct
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from support.hub.contents import Entry, read
from support.hub.exchange import Exchange, Request
from support.hub.repositories import Commit, Repository

TREE_PAGE = 1000
SEARCH_PAGE = 1000
_SUFFIXES = {"K": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}


def _time(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def parameters(commit: Commit) -> dict[str, int] | None:
    """Return how many parameters there are of each dtype, from the safetensors headers."""
    counts: dict[str, int] = {}
    for path, entry in commit.files.items():
        if not path.endswith(".safetensors"):
            continue
        try:
            (length,) = struct.unpack("<Q", read(entry.content, 0, 8))
            header: dict[str, Any] = json.loads(read(entry.content, 8, min(length, 1 << 24)))
            tensors = [value for name, value in header.items() if name != "__metadata__"]
            for tensor in tensors:
                size = 1
                for side in tensor["shape"]:
                    size *= side
                counts[tensor["dtype"]] = counts.get(tensor["dtype"], 0) + size
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError, struct.error):
            return None
    return counts or None


def _config(commit: Commit) -> dict[str, Any] | None:
    """Return the part of config.json that the Hub repeats."""
    config = commit.json_of("config.json")
    if config is None:
        return None
    named = ("architectures", "model_type", "auto_map", "quantization_config")
    return {name: config[name] for name in named if name in config}


def _siblings(entries: Iterable[Entry], *, with_blobs: bool) -> list[dict[str, Any]]:
    if not with_blobs:
        return [{"rfilename": entry.path} for entry in entries]
    return [_sibling(entry) for entry in entries]


def _sibling(entry: Entry) -> dict[str, Any]:
    size = entry.content.size_bytes
    told: dict[str, Any] = {"rfilename": entry.path, "size": size, "blobId": entry.oid}
    if entry.is_lfs:
        pointer = len(entry.pointer)
        told["lfs"] = {"sha256": entry.content.sha256, "size": size, "pointerSize": pointer}
    return told


def _expanded(repository: Repository, commit: Commit, request: Request) -> dict[str, Any]:
    """Return all that can be told of a model, by the names that `expand` uses."""
    made = {
        "author": lambda: repository.id.partition("/")[0] if "/" in repository.id else None,
        "sha": lambda: commit.sha,
        "lastModified": lambda: _time(repository.modified_at),
        "createdAt": lambda: _time(repository.created_at),
        "private": lambda: repository.private,
        "gated": lambda: repository.gated,
        "disabled": lambda: False,
        "downloads": lambda: repository.downloads,
        "likes": lambda: repository.likes,
        "trendingScore": lambda: repository.trending,
        "library_name": lambda: repository.library,
        "pipeline_tag": lambda: repository.pipeline_tag,
        "tags": lambda: repository.all_tags,
        "cardData": lambda: repository.card_data,
        "config": lambda: _config(commit),
        "safetensors": lambda: _safetensors(commit),
        "siblings": lambda: _siblings(commit.files.values(), with_blobs=request.is_true("blobs")),
    }
    wanted = _wanted(request, list(made))
    told = {name: make() for name, make in made.items() if name in wanted}
    return {name: value for name, value in told.items() if value is not None}


def _safetensors(commit: Commit) -> dict[str, Any] | None:
    counts = parameters(commit)
    return {"parameters": counts, "total": sum(counts.values())} if counts else None


def _wanted(request: Request, names: Sequence[str]) -> set[str]:
    expand = [*request.query.get("expand", []), *request.query.get("expand[]", [])]
    if expand:
        return set(expand)
    if not request.path.rstrip("/").endswith("/api/models"):
        return set(names)
    light = {"private", "downloads", "likes", "tags", "pipeline_tag", "library_name", "createdAt"}
    if request.is_true("full"):
        light |= {"author", "sha", "lastModified", "gated", "disabled", "siblings"}
    if request.one("sort") == "trendingScore":
        light.add("trendingScore")
    extra = {"cardData": "cardData", "config": "config"}
    return light | {name for flag, name in extra.items() if request.is_true(flag)}


def model(exchange: Exchange, repository: Repository, commit: Commit) -> None:
    """Answer `/api/models/{repository}`, with or without a revision."""
    told = _expanded(repository, commit, exchange.request)
    exchange.reply_json({"_id": commit.sha[:24], "id": repository.id, **told})


_SORTS: dict[str, Callable[[Repository], Any]] = {
    "downloads": lambda item: item.downloads,
    "likes": lambda item: item.likes,
    "trendingScore": lambda item: item.trending,
    "lastModified": lambda item: item.modified_at,
    "createdAt": lambda item: item.created_at,
}


def _size(text: str) -> float:
    return float(text[:-1]) * _SUFFIXES[text[-1]] if text[-1] in _SUFFIXES else float(text)


def _has_parameters(repository: Repository, told: str) -> bool:
    commit = repository.find("main")
    counts = parameters(commit) if commit else None
    if not counts:
        return False
    total = sum(counts.values())
    bounds = dict(part.split(":") for part in told.split(","))
    low, high = bounds.get("min"), bounds.get("max")
    return (low is None or total >= _size(low)) and (high is None or total <= _size(high))


def _fits(repository: Repository, request: Request) -> bool:
    search, author = request.one("search"), request.one("author")
    gated, task = request.one("gated"), request.one("pipeline_tag")
    told = request.one("num_parameters")
    wanted = [*request.query.get("filter", []), *request.query.get("filter[]", [])]
    names = [name for part in wanted for name in part.split(",")]
    return (
        (not search or search.lower() in repository.id.lower())
        and (not author or repository.id.startswith(f"{author}/"))
        and (gated is None or request.is_true("gated") == bool(repository.gated))
        and (not task or repository.pipeline_tag == task)
        and all(name in repository.all_tags for name in names)
        and (told is None or _has_parameters(repository, told))
    )


def search(exchange: Exchange, repositories: Iterable[Repository], url: str) -> None:
    """Answer `/api/models`: what fits, sorted, one page, with a link to the next."""
    request = exchange.request
    found = [repository for repository in repositories if _fits(repository, request)]
    key = _SORTS.get(request.one("sort") or "trendingScore")
    if key is None:
        exchange.refuse(400, None, f"Invalid sort: {request.one('sort')}")
        return
    found.sort(key=key, reverse=request.one("direction") != "1")
    start = int(request.one("cursor") or 0)
    end = start + min(int(request.one("limit") or SEARCH_PAGE), SEARCH_PAGE)
    items = [
        {
            "_id": commit.sha[:24],
            "id": item.id,
            "modelId": item.id,
            **_expanded(item, commit, request),
        }
        for item in found[start:end]
        if (commit := item.find("main"))
    ]
    exchange.reply_json(items, headers=_next(request, url, end, len(found)))


def _next(request: Request, url: str, end: int, total: int) -> dict[str, str]:
    if end >= total:
        return {}
    query = {**request.query, "cursor": [str(end)]}
    return {"Link": f'<{url}{request.path}?{urlencode(query, doseq=True)}>; rel="next"'}


def tree(exchange: Exchange, commit: Commit, folder: str, url: str) -> None:
    """Answer `/api/models/{repository}/tree/{revision}`, a page at a time."""
    request = exchange.request
    prefix = f"{folder}/" if folder else ""
    below = [entry for path, entry in commit.files.items() if path.startswith(prefix)]
    folders = {
        "/".join(parts[: depth + 1])
        for entry in below
        if len(parts := entry.path.split("/")) > 1
        for depth in range(len(parts) - 1)
    }
    if folder and not below:
        exchange.refuse(404, "EntryNotFound", f'"{folder}" does not exist on "main"')
        return
    is_recursive = request.is_true("recursive")
    listed = sorted(folders | {entry.path for entry in below})
    if not is_recursive:
        listed = [path for path in listed if "/" not in path.removeprefix(prefix)]
    listed = [path for path in listed if path.startswith(prefix)]
    start = int(request.one("cursor") or 0)
    end = start + min(int(request.one("limit") or TREE_PAGE), TREE_PAGE)
    items = [tree_item(commit, path) for path in listed[start:end]]
    exchange.reply_json(items, headers=_next(request, url, end, len(listed)))


def tree_item(commit: Commit, path: str) -> dict[str, Any]:
    entry = commit.files.get(path)
    if entry is None:
        return {"type": "directory", "oid": commit.sha, "size": 0, "path": path}
    size = entry.content.size_bytes
    told: dict[str, Any] = {"type": "file", "oid": entry.oid, "size": size, "path": path}
    if entry.is_lfs:
        pointer = len(entry.pointer)
        told["lfs"] = {"oid": entry.content.sha256, "size": size, "pointerSize": pointer}
    return told


def paths(exchange: Exchange, commit: Commit, wanted: Iterable[str]) -> None:
    """Answer `/api/models/{repository}/paths-info/{revision}`: those that exist."""
    folders = {path.rpartition("/")[0] for path in commit.files}
    found = [path for path in wanted if path in commit.files or path in folders]
    exchange.reply_json([tree_item(commit, path) for path in found])
