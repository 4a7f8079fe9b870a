"""40. 401, 403 gated, 404, 429, 503: five distinct messages; 429 and 503 are retried with
back-off."""

from pathlib import Path

import pytest

from support.downloading import downloading_plane
from support.hub import Fault, Hub, ready_made
from support.hub.server import Request

pytestmark = pytest.mark.survival

FILES = "*/resolve/*"
FAULTS = {
    "hub_token_refused": Fault(FILES, status=401),
    "hub_gated": Fault(FILES, status=403, error_code="GatedRepo"),
    "hub_file_not_found": Fault(FILES, status=404, error_code="EntryNotFound"),
    "hub_rate_limited": Fault(FILES, status=429, retry_after_seconds=1),
    "hub_unavailable": Fault(FILES, status=503),
}


def is_retried(request: Request) -> bool:
    return request.status in (429, 503)


def test_40_each_has_its_own_words_and_those_that_pass_are_tried_again(tmp_path: Path) -> None:
    told: dict[str, str] = {}
    with Hub(ready_made()) as hub, downloading_plane(tmp_path, hub.url) as plane:
        for code, fault in FAULTS.items():
            hub.requests.clear()
            hub.faults.add(fault)
            asked = plane.pull("acme/tiny-chat")
            error = plane.failure(asked, within_seconds=300)
            told[error["code"]] = error["detail"]
            tries = len(hub.asked("model.safetensors"))
            assert (tries >= 5) == (code in ("hub_rate_limited", "hub_unavailable")), code
            hub.faults.remove(fault)
        assert list(told) == list(FAULTS)
        assert len(set(told.values())) == 5
        plane.wait_for_download(plane.pull("acme/tiny-chat"), "succeeded")


@pytest.mark.parametrize("status", [429, 503])
def test_40_a_busy_hub_is_only_a_delay(tmp_path: Path, status: int) -> None:
    with Hub(ready_made()) as hub, downloading_plane(tmp_path, hub.url) as plane:
        hub.faults.add(Fault(FILES, status=status, retry_after_seconds=1, times=10))
        plane.wait_for_download(plane.pull("acme/tiny-chat"), "succeeded")
        assert len([request for request in hub.requests if is_retried(request)]) == 10


def test_40_a_gated_model_says_where_to_accept_its_licence(tmp_path: Path) -> None:
    with Hub(ready_made()) as hub, downloading_plane(tmp_path, hub.url) as plane:
        error = plane.failure(plane.pull("acme/gated-chat"))
        assert error["code"] == "hub_gated"
        assert "acme/gated-chat" in error["detail"]
