"""Reads the documentation, for tests that hold it against the code."""

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


def page(name: str) -> str:
    """Return the text of a reference page."""
    return (DOCS / "reference" / f"{name}.md").read_text()


def pages() -> Iterator[Path]:
    """Yield every page of the repository that people read."""
    yield from sorted(DOCS.rglob("*.md"))
    yield from (ROOT / name for name in ("README.md", "CONTRIBUTING.md"))
    yield ROOT / "engine" / "demo_model" / "README.md"
