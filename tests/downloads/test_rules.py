"""The bound on bytes, the speed, the states, the addresses, the answers, the layout."""

import os
from email.message import Message
from pathlib import Path

import pytest

from vllm_manager.downloads import states
from vllm_manager.downloads.layout import ModelFolder
from vllm_manager.downloads.schemas import DownloadRequest, DownloadState
from vllm_manager.downloads.worker.addresses import Addresses
from vllm_manager.downloads.worker.failures import Failure
from vllm_manager.downloads.worker.limiter import Limiter
from vllm_manager.downloads.worker.request import headers_for, retry_after
from vllm_manager.downloads.worker.tally import Tally
from vllm_manager.kit.errors import Problem

COMMIT = "c" * 40


class Time:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_no_bound_means_no_waiting() -> None:
    assert Limiter().wait_seconds(1 << 30) == 0


def test_a_bound_holds_over_time_whoever_asks() -> None:
    time = Time()
    limiter = Limiter(1000, time)
    waits = [limiter.wait_seconds(500) for _ in range(5)]
    assert waits == [0, 0.5, 1.0, 1.5, 2.0]
    time.now += 60
    assert limiter.wait_seconds(500) == 0  # an idle time is not saved up
    assert limiter.wait_seconds(500) == pytest.approx(0.25)


def test_a_bound_can_be_lifted() -> None:
    limiter = Limiter(1, Time())
    limiter.wait_seconds(1000)
    limiter.set(None)
    assert limiter.wait_seconds(1000) == 0
    assert limiter.portion(1 << 18) == 1 << 18


def test_a_low_bound_asks_for_little_at_once() -> None:
    assert Limiter(80_000, Time()).portion(1 << 18) == 10_000


def test_speed_is_of_the_last_seconds_and_falls_to_zero() -> None:
    time = Time()
    tally = Tally(time)
    speeds: list[float] = []
    for count in [500] * 10 + [0] * 10:
        time.now += 0.5
        if count:
            tally.add(count)
        speeds.append(tally.bytes_per_second())
    assert speeds[9] == pytest.approx(1000)
    assert speeds[-1] == 0
    assert tally.silent_seconds() == 5


@pytest.mark.parametrize(
    ("verb", "state", "becomes"),
    [
        ("pause", "queued", "paused"),
        ("pause", "running", "paused"),
        ("pause", "paused", "paused"),
        ("resume", "paused", "queued"),
        ("resume", "running", "running"),
        ("cancel", "running", "cancelled"),
        ("cancel", "paused", "cancelled"),
        ("cancel", "failed", "cancelled"),
        ("cancel", "cancelled", "cancelled"),
        ("retry", "failed", "queued"),
        ("retry", "cancelled", "queued"),
        ("retry", "running", "running"),
    ],
)
def test_verbs_lead_where_they_should(
    verb: states.Verb, state: DownloadState, becomes: DownloadState
) -> None:
    assert states.after(verb, state) == becomes


@pytest.mark.parametrize(
    ("verb", "state"),
    [
        ("pause", "succeeded"),
        ("pause", "failed"),
        ("resume", "failed"),
        ("resume", "cancelled"),
        ("cancel", "succeeded"),
        ("retry", "succeeded"),
        ("retry", "paused"),
    ],
)
def test_verbs_that_make_no_sense_say_what_does(verb: states.Verb, state: DownloadState) -> None:
    with pytest.raises(Problem) as caught:
        states.after(verb, state)
    assert caught.value.code == "download_state"
    assert state in caught.value.details.detail


@pytest.mark.parametrize(
    "repo",
    ["../x/y", "a/..", "/etc/passwd", "a\\b/c", "a/b/c", "a", "a--b/c", "a/b\0", "ä/b", "a/b.git"],
)
def test_names_that_are_no_model_are_refused(repo: str) -> None:
    with pytest.raises(ValueError, match="repo"):
        DownloadRequest(repo=repo)


@pytest.mark.parametrize("revision", ["../main", "-x", "a..b", "a b", "", "x" * 200, "a//b"])
def test_names_that_are_no_revision_are_refused(revision: str) -> None:
    with pytest.raises(ValueError, match="revision"):
        DownloadRequest(repo="a/b", revision=revision)


@pytest.mark.parametrize("host", ["127.0.0.1", "169.254.169.254", "10.0.0.1", "::1"])
def test_private_addresses_are_refused_unless_they_are_the_hub_s(host: str) -> None:
    with pytest.raises(Failure) as caught:
        Addresses("https://hub.example").resolve("https", host, 443)
    assert caught.value.code == "hub_address_refused"


def test_the_hub_s_own_address_and_trusted_ones_are_allowed() -> None:
    addresses = Addresses("http://127.0.0.1:9000", ["127.0.0.1:9001"])
    assert addresses.resolve("http", "127.0.0.1", 9000) == ["127.0.0.1"]
    assert addresses.resolve("http", "127.0.0.1", 9001) == ["127.0.0.1"]
    with pytest.raises(Failure):
        addresses.resolve("http", "127.0.0.1", 9002)


def test_a_range_is_asked_for_under_the_etag_it_was_begun_with() -> None:
    assert headers_for(0, 100, 100, None) == {}
    assert headers_for(50, 100, 100, '"e"') == {"Range": "bytes=50-99", "If-Range": '"e"'}
    assert headers_for(50, 100, 100, 'W/"e"') == {"Range": "bytes=50-99"}


@pytest.mark.parametrize(
    ("text", "seconds"), [("7", 7.0), ("1e9", 300.0), ("-3", 0.0), ("soon", None), ("", None)]
)
def test_the_time_that_a_hub_asks_for_is_read_and_bounded(text: str, seconds: float | None) -> None:
    headers = Message()
    headers["Retry-After"] = text
    assert retry_after(headers) == seconds


def model_in(store: Path) -> ModelFolder:
    folder = ModelFolder(store, "acme/model")
    folder.prepare()
    for etag in ("one", "two", "three"):
        folder.blob(etag).write_text(etag)
    return folder


def test_links_are_relative_whatever_the_depth(tmp_path: Path) -> None:
    folder = model_in(tmp_path)
    snapshot = folder.publish(COMMIT, "main", [("a.json", "one"), ("x/y/b.json", "two")])
    assert os.readlink(snapshot / "a.json") == "../../blobs/one"
    assert (snapshot / "x/y/b.json").read_text() == "two"
    assert folder.ref("main").read_text() == COMMIT
    moved = tmp_path / "elsewhere"
    folder.path.rename(moved)
    assert (moved / "snapshots" / COMMIT / "x/y/b.json").read_text() == "two"


def test_more_files_of_a_commit_join_those_that_are_there(tmp_path: Path) -> None:
    folder = model_in(tmp_path)
    folder.publish(COMMIT, "main", [("a.json", "one")])
    snapshot = folder.publish(COMMIT, COMMIT, [("a.json", "two"), ("b.json", "three")])
    assert {p.name: p.read_text() for p in snapshot.iterdir()} == {
        "a.json": "two",
        "b.json": "three",
    }
    assert [path.name for path in (folder.path / "refs").iterdir()] == ["main"]


def test_a_sweep_takes_what_no_snapshot_shows_and_nobody_else_wants(tmp_path: Path) -> None:
    folder = model_in(tmp_path)
    folder.publish(COMMIT, "main", [("a.json", "one")])
    folder.blob("two.part").touch()
    folder.sweep(["one", "two"], frozenset({"three"}))
    assert sorted(os.listdir(folder.blobs)) == ["one", "three"]


def test_a_sweep_of_everything_leaves_no_folder(tmp_path: Path) -> None:
    folder = model_in(tmp_path)
    folder.sweep(["one", "two", "three"])
    assert not folder.path.exists()


def test_what_a_kill_left_of_a_snapshot_is_cleared_away(tmp_path: Path) -> None:
    folder = model_in(tmp_path)
    (folder.path / ".making-1234" / COMMIT).mkdir(parents=True)
    folder.prepare()
    assert sorted(os.listdir(folder.path)) == ["blobs", "refs", "snapshots"]
