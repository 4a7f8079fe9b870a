"""Every page that a remedy opens is one that the web UI has."""

import ast
import re
from collections.abc import Iterator

from support.documentation import ROOT

_SOURCE = ROOT / "src" / "vllm_manager"
_ROUTER = ROOT / "frontend" / "src" / "routes" / "router.tsx"


def routes() -> list[re.Pattern[str]]:
    """Return the addresses of the pages; a `$name` in one stands for any word."""
    found = re.findall(r'^  path: "([^"]+)"', _ROUTER.read_text(), re.MULTILINE)
    return [re.compile(re.sub(r"\\\$\w*", "[^/]+", re.escape(path)) + "$") for path in found]


def _text(node: ast.expr) -> str | None:
    """Return a string of the source, with `x` for what is put into it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        parts = [v.value if isinstance(v, ast.Constant) else "x" for v in node.values]
        return "".join(map(str, parts))
    return None


def opened() -> Iterator[tuple[str, str]]:
    """Yield the paths in modules that make remedies which open a page."""
    for file in sorted(_SOURCE.rglob("*.py")):
        source = file.read_text()
        if 'action="open"' not in source:
            continue
        tree = ast.parse(source)
        joined = [n for n in ast.walk(tree) if isinstance(n, ast.JoinedStr)]
        parts = {id(part) for one in joined for part in one.values}
        for node in ast.walk(tree):
            if id(node) in parts:
                continue
            text = _text(node) if isinstance(node, ast.expr) else None
            if text is not None and re.match(r"/\w", text):
                yield file.name, text


def test_every_page_that_a_remedy_opens_is_there() -> None:
    known, found = routes(), list(opened())
    assert len(known) > 20
    assert len(found) > 8
    lost = [at for at in found if not any(r.match(at[1].partition("?")[0]) for r in known)]
    assert lost == []
