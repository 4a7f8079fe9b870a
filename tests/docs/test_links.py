"""Every link between pages leads somewhere."""

import re
from pathlib import Path

import pytest

from support.documentation import ROOT, pages

_LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(file: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("file", list(pages()), ids=lambda file: str(file.relative_to(ROOT)))
def test_the_links_of_a_page_lead_somewhere(file: Path) -> None:
    for link in _LINK.findall(file.read_text()):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (file.parent / path) if path else file
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_the_decisions_are_listed_in_their_order() -> None:
    listed = re.findall(r"^- \[(\d+)\.", (ROOT / "docs/decisions/README.md").read_text(), re.M)
    assert listed == [str(number) for number in range(1, len(listed) + 1)]


def test_every_page_for_readers_is_in_the_contents() -> None:
    index = (ROOT / "docs/index.md").read_text()
    written = [f.relative_to(ROOT / "docs") for f in (ROOT / "docs").glob("[rt]*/*.md")]
    assert [str(page) for page in written if f"({page})" not in index] == []
