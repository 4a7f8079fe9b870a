"""What a snapshot means to a worker."""

import json
from typing import Any

import pytest

from fakes.clock import FakeClock
from support.control_plane import KEY, model, snapshot
from vllm_manager.gateway.directory import Directory
from vllm_manager.gateway.snapshot import Snapshot, decode, encode

ENDPOINT = {"replica_id": "r1", "url": "http://127.0.0.1:9000", "secret": "s"}


def made(epoch: str = "one", **models: dict[str, Any]) -> Snapshot:
    return decode(json.dumps({"version": 1, "epoch": epoch, **snapshot(models)}).encode())


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def directory(clock: FakeClock) -> Directory:
    return Directory(clock.monotonic)


def test_a_key_is_found_by_its_text_alone(directory: Directory) -> None:
    directory.update(made())
    key = directory.key(KEY.encode())
    assert key is not None
    assert key.id == "key_1"
    assert directory.key(b"vm-other") is None


def test_counts_of_an_endpoint_outlive_a_snapshot(directory: Directory) -> None:
    directory.update(made(demo=model(ENDPOINT)))
    directory.models["demo"].endpoints[0].outstanding = 4
    directory.update(made(demo=model(ENDPOINT, max_concurrent_requests=9)))
    assert directory.models["demo"].endpoints[0].outstanding == 4


def test_an_endpoint_with_another_secret_is_another_endpoint(directory: Directory) -> None:
    directory.update(made(demo=model(ENDPOINT)))
    directory.models["demo"].endpoints[0].outstanding = 4
    directory.update(made(demo=model({**ENDPOINT, "secret": "new"})))
    assert directory.models["demo"].endpoints[0].outstanding == 0


def test_a_key_that_is_revoked_while_no_models_are_known_is_so_at_once(
    directory: Directory,
) -> None:
    directory.update(made(demo=model(ENDPOINT)))
    people: dict[str, Any] = {"version": 1, "epoch": "two", "keys": {}, "models": None}
    directory.update(decode(json.dumps(people).encode()))
    assert directory.key(KEY.encode()) is None
    assert len(directory.models["demo"].endpoints) == 1
    directory.update(made("two", demo=model(phase="unreachable")))
    assert len(directory.models["demo"].endpoints) == 1, "as after any start"


def test_people_alone_are_nothing_to_start_from(directory: Directory) -> None:
    directory.update(decode(json.dumps({**snapshot({}), "models": None}).encode()))
    assert not directory.is_known


def test_a_control_plane_that_has_just_started_takes_no_endpoints_away(
    directory: Directory,
) -> None:
    directory.update(made(demo=model(ENDPOINT), other=model(ENDPOINT)))
    directory.update(made("two", demo=model(phase="unreachable"), other=model(phase="queued")))
    directory.update(made("two", demo=model(ENDPOINT), other=model(phase="queued")))
    assert len(directory.models["demo"].endpoints) == 1
    assert len(directory.models["other"].endpoints) == 1


def test_endpoints_that_it_does_not_confirm_are_let_go(
    directory: Directory, clock: FakeClock
) -> None:
    directory.update(made(demo=model(ENDPOINT)))
    directory.update(made("two", demo=model(phase="unreachable")))
    clock.advance(14)
    directory.expire()
    assert directory.models["demo"].endpoints
    clock.advance(1)
    directory.expire()
    assert not directory.models["demo"].endpoints


@pytest.mark.parametrize("phase", ["stopped", "stopping", "failed", "deleting"])
def test_a_model_at_rest_keeps_no_endpoints(directory: Directory, phase: str) -> None:
    directory.update(made(demo=model(ENDPOINT)))
    directory.update(made("two", demo=model(phase=phase)))
    assert not directory.models["demo"].endpoints


def test_a_deleted_model_is_gone_at_once(directory: Directory) -> None:
    directory.update(made(demo=model(ENDPOINT)))
    directory.update(made("two"))
    assert directory.models == {}


def test_within_one_life_of_the_control_plane_its_word_counts(directory: Directory) -> None:
    directory.update(made(demo=model(ENDPOINT)))
    directory.update(made(demo=model(phase="unreachable")))
    assert not directory.models["demo"].endpoints


def test_models_at_rest_are_not_listed(directory: Directory) -> None:
    directory.update(made(demo=model(ENDPOINT), idle=model(phase="stopped")))
    listed = json.loads(directory.listing(None))["data"]
    assert [entry["id"] for entry in listed] == ["demo"]


def test_a_listing_holds_what_its_reader_may_use(directory: Directory) -> None:
    directory.update(made(demo=model(ENDPOINT), other=model(ENDPOINT)))
    assert [m["id"] for m in json.loads(directory.listing(["other"]))["data"]] == ["other"]


def test_members_that_are_not_known_yet_are_ignored() -> None:
    assert decode(b'{"version": 3, "later": {"x": 1}}').version == 3


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b'{"version": "x"}', b"\xff"])
def test_what_is_no_snapshot_is_refused(line: bytes) -> None:
    with pytest.raises(ValueError, match="not a snapshot"):
        decode(line)


def test_a_snapshot_survives_writing_and_reading() -> None:
    whole = made(demo=model(ENDPOINT))
    assert decode(encode(whole)) == whole


def test_an_endpoint_with_an_unusable_address_is_left_out(directory: Directory) -> None:
    directory.update(made(demo=model({**ENDPOINT, "url": "http://127.0.0.1:notaport"}, ENDPOINT)))
    assert len(directory.models["demo"].endpoints) == 1
