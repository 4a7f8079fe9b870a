"""Keeps others from changing a model's folder while the library does: the downloads' own claim."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from vllm_manager.downloads.layout import ModelFolder
from vllm_manager.downloads.worker.claim import Claim
from vllm_manager.kit.errors import Problem


@contextmanager
def held(store: Path, repo: str) -> Generator[Claim]:
    """Hold a model's folder.

    Raises:
        Problem: a download works in it (409, `model_busy`).
    """
    claim = Claim(ModelFolder(store, repo).claim)
    owner = claim.take()
    if owner is not None:
        raise Problem(
            "model_busy",
            f"A download works in the folder of {repo} ({owner}). Wait until it is done, or pause "
            "it.",
            status=409,
            retryable=True,
            retry_after_seconds=5,
        )
    try:
        yield claim
    finally:
        claim.release()
