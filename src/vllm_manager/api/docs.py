"""A plain page that describes the API, made from the OpenAPI document: no script, no CDN."""

import json
from base64 import b64encode
from hashlib import sha256
from html import escape
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

router = APIRouter(include_in_schema=False)

_STYLE = """
body{font:15px/1.55 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;
color-scheme:light dark}
code,pre{font:13px/1.5 ui-monospace,monospace}
pre{overflow:auto;padding:.75rem;border:1px solid #8884;border-radius:6px}
details{border:1px solid #8884;border-radius:6px;margin:.4rem 0;padding:.4rem .75rem}
summary{cursor:pointer}summary b{display:inline-block;min-width:4.5rem}
td,th{text-align:left;vertical-align:top;padding:.15rem 1rem .15rem 0}
"""
_HASH = b64encode(sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_HASH}'; frame-ancestors 'none'"


@router.get("/openapi.json")
async def get_openapi(request: Request) -> Response:
    """The OpenAPI document."""
    document = json.dumps(request.app.openapi(), ensure_ascii=False)
    return Response(document, media_type="application/json")


@router.get("/docs")
async def get_docs(request: Request) -> HTMLResponse:
    """The same for people."""
    page = render(request.app.openapi())
    return HTMLResponse(page, headers={"content-security-policy": _POLICY})


def render(document: dict[str, Any]) -> str:
    """Return the page of `document`."""
    info = document["info"]
    sections = [_section(document, tag) for tag in document["tags"]]
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(info["title"])} API'
        f'</title><meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
        f"<h1>{escape(info['title'])} API {escape(info['version'])}</h1>"
        f"<p>{escape(info['description'])}</p>"
        '<p>For tools: <a href="/openapi.json">openapi.json</a>. Requests carry '
        "<code>Authorization: Bearer vm-…</code>.</p>" + "".join(sections) + "</html>"
    )


def _section(document: dict[str, Any], tag: dict[str, str]) -> str:
    operations = [
        _operation(document, method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if tag["name"] in operation.get("tags", [])
    ]
    heading = f"<h2>{escape(tag['name'].capitalize())}</h2><p>{escape(tag['description'])}</p>"
    return heading + "".join(operations)


def _operation(document: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    body = operation.get("requestBody", {}).get("content", {})
    sent = "".join(_example("Send", document, media) for media in body.values())
    answers = "".join(
        _example(f"Answer {status}", document, media)
        for status, response in operation["responses"].items()
        if status.startswith("2")
        for media in response.get("content", {}).values()
    )
    return (
        f"<details><summary><b>{method.upper()}</b> <code>{escape(path)}</code> "
        f"{escape(operation['summary'])}</summary>"
        f"<p>{escape(operation.get('description', ''))}</p>"
        f"{_parameters(operation.get('parameters', []))}{sent}{answers}</details>"
    )


def _parameters(parameters: list[dict[str, Any]]) -> str:
    shown = [p for p in parameters if p["in"] != "cookie"]
    if not shown:
        return ""
    rows = "".join(
        f"<tr><td><code>{escape(p['name'])}</code><td>{p['in']}"
        f"<td>{'required' if p.get('required') else ''}<td>{escape(p.get('description', ''))}"
        for p in shown
    )
    return f"<table>{rows}</table>"


def _example(title: str, document: dict[str, Any], media: dict[str, Any]) -> str:
    example = media.get("example")
    if example is None:
        example = example_of(document, media.get("schema", {}))
    if example is None:
        return ""
    text = (
        example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)
    )
    return f"<p>{escape(title)}</p><pre>{escape(text)}</pre>"


def example_of(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """Return an example of `schema`: its own, or made of its members' examples; None without."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if schema.get("examples"):
        return schema["examples"][0]
    members = schema.get("properties", {})
    if "items" in members and "next_cursor" in members:
        item = example_of(document, members["items"]["items"])
        return None if item is None else {"items": [item], "next_cursor": None}
    return None
