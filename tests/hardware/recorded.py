"""What the systems' tools write, in their own form, on machines that are not at hand."""

from pathlib import Path

_FOLDER = Path(__file__).parent / "recordings"


def recording(name: str) -> str:
    return (_FOLDER / name).read_text()
