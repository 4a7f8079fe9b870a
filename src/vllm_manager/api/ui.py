"""Serves the built web interface from the package."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response

STATIC = Path(__file__).parent / "static"
# Positions that are measured are set through the DOM, which is no markup and needs no leave.
_PAGE_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_PAGE_HEADERS = {"content-security-policy": _PAGE_POLICY, "cache-control": "no-cache"}
_ASSET_HEADERS = {**_PAGE_HEADERS, "cache-control": "public, max-age=31536000, immutable"}
_RESERVED = frozenset({"api", "v1", "internal", "healthz", "readyz", "version", "metrics"})
_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>vLLM Manager</title>
<body>
<h1>vLLM Manager is running</h1>
<p>The web interface was not built into this installation. Run <code>make up</code> in the
repository, or install a released wheel, to have it.</p>
<p>Everything else works: the <a href="/docs">REST API</a>, the OpenAI-compatible
<code>/v1</code>, and the command line.</p></body></html>
"""


def is_for_people(request: Request) -> bool:
    """Return whether an address that no route knows may be a page or a file of the interface."""
    first = request.url.path.lstrip("/").partition("/")[0]
    return request.method in ("GET", "HEAD") and first not in _RESERVED


def respond(request: Request) -> Response | None:
    """Return the file at the address, else index.html for a page's address, else None."""
    root: Path = request.app.state.static
    file = _file_at(root, request.url.path)
    if request.url.path.startswith("/assets/"):
        return FileResponse(file, headers=_ASSET_HEADERS) if file else None
    if file is not None and file.name != "index.html":
        return FileResponse(file, headers=_PAGE_HEADERS)
    if not _is_navigation(request):
        return None
    index = root / "index.html"
    if not index.is_file():
        return HTMLResponse(_NOT_BUILT, headers=_PAGE_HEADERS)
    return FileResponse(index, headers=_PAGE_HEADERS)


def _is_navigation(request: Request) -> bool:
    """A browser's address bar asks for HTML; scripts and images that are missing do not."""
    return request.url.path == "/" or "text/html" in request.headers.get("accept", "")


def _file_at(root: Path, path: str) -> Path | None:
    """Return the file under `root`, never one outside it."""
    try:
        file = (root / path.lstrip("/")).resolve()
    except (OSError, ValueError):
        return None
    return file if file.is_relative_to(root.resolve()) and file.is_file() else None
