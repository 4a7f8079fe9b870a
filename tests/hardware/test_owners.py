"""An engine's computing process is a child of what the replica reports: it is ours, too."""

import os

from vllm_manager.hardware.owners import is_ours


def test_a_process_is_ours_if_it_descends_from_an_engine() -> None:
    assert is_ours(os.getpid(), frozenset({os.getppid()})) is True


def test_a_process_of_somebody_else_is_not() -> None:
    assert is_ours(1, frozenset({os.getpid()})) is False


def test_a_process_that_cant_be_seen_from_here_is_unknown() -> None:
    assert is_ours(4_194_304 + 9, frozenset({os.getpid()})) is None
