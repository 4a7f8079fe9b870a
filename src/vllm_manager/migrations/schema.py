"""Which revisions this release knows. File names tell, so that Alembic need not be imported."""

from functools import cache
from pathlib import Path

SCRIPTS = Path(__file__).parent


@cache
def known_revisions() -> tuple[str, ...]:
    """Return every revision in order; a revision is the name of its file."""
    return tuple(sorted(file.stem for file in (SCRIPTS / "versions").glob("[0-9]*.py")))


def head_revision() -> str:
    """Return the revision that this release works with."""
    return known_revisions()[-1]
