"""Who may use the API."""

import json
import time
from typing import Any

import pytest

from support.control_plane import KEY, sha256, snapshot
from vllm_manager.gateway.answers import Refusal
from vllm_manager.gateway.directory import Directory
from vllm_manager.gateway.identity import Asker, identify
from vllm_manager.gateway.snapshot import decode

COOKIE = b"theme=dark; vllm_manager_session=cookie-value"


def directory(**key: Any) -> Directory:
    made = Directory()
    content = snapshot({})
    content["keys"][sha256(KEY)].update(key)
    made.update(decode(json.dumps(content).encode()))
    return made


def bearer(token: str = KEY) -> dict[bytes, bytes]:
    return {b"authorization": b"Bearer " + token.encode()}


def refusal(headers: dict[bytes, bytes], **key: Any) -> str:
    with pytest.raises(Refusal) as caught:
        identify(directory(**key), headers)
    assert caught.value.status == 401
    return caught.value.message


def test_a_valid_key_names_its_user() -> None:
    assert identify(directory(), bearer()) == Asker("usr_1", "key_1", None, key_name="test")


def test_use_counts_for_the_team_of_the_key() -> None:
    assert identify(directory(team="team_1"), bearer()).team == "team_1"


def test_the_scheme_s_case_does_not_matter() -> None:
    assert identify(directory(), {b"authorization": b"bearer  " + KEY.encode()}).key == "key_1"


def test_a_key_brings_the_models_that_it_may_use() -> None:
    assert identify(directory(models=["demo"]), bearer()).models == ["demo"]


@pytest.mark.parametrize("token", ["", "vm-wrong", "' OR 1=1 --", KEY + "x"])
def test_an_unknown_key_is_refused(token: str) -> None:
    refusal(bearer(token))


def test_an_expired_key_is_refused() -> None:
    assert "expired" in refusal(bearer(), expires_at=time.time() - 1)


def test_a_key_that_expires_later_is_taken() -> None:
    identify(directory(expires_at=time.time() + 60), bearer())


def test_another_scheme_is_refused() -> None:
    refusal({b"authorization": b"Basic dXNlcjpwYXNz"})


def test_nothing_at_all_is_refused() -> None:
    assert "needs a key" in refusal({})


def test_a_wrong_key_is_not_saved_by_a_valid_session() -> None:
    refusal({**bearer("vm-wrong"), b"cookie": COOKIE, b"x-csrf-token": b"csrf-token"})


def test_a_session_with_its_csrf_token_is_taken() -> None:
    headers = {b"cookie": COOKIE, b"x-csrf-token": b"csrf-token"}
    assert identify(directory(), headers) == Asker("usr_2", None, None)


@pytest.mark.parametrize("token", [None, b"", b"wrong"])
def test_a_session_without_its_csrf_token_is_refused(token: bytes | None) -> None:
    headers = {b"cookie": COOKIE} if token is None else {b"cookie": COOKIE, b"x-csrf-token": token}
    assert "X-CSRF-Token" in refusal(headers)


def test_reading_needs_no_csrf_token() -> None:
    assert identify(directory(), {b"cookie": COOKIE}, is_safe=True).user == "usr_2"


def test_an_unknown_session_is_refused() -> None:
    assert "Log in" in refusal({b"cookie": b"vllm_manager_session=other"})


def test_a_key_in_anthropic_s_header_counts_only_where_it_is_expected() -> None:
    headers = {b"x-api-key": KEY.encode()}
    assert identify(directory(), headers, takes_x_api_key=True).key == "key_1"
    refusal(headers)


def test_before_the_first_snapshot_nobody_is_called_unknown() -> None:
    with pytest.raises(Refusal) as caught:
        identify(Directory(), bearer())
    assert (caught.value.status, caught.value.code) == (503, "gateway_starting")
    assert caught.value.retry_after_seconds


def viewers_directory() -> Directory:
    made = Directory()
    content = snapshot({})
    content["sessions"][sha256("cookie-value")]["role"] = "viewer"
    made.update(decode(json.dumps(content).encode()))
    return made


def test_a_viewer_s_session_uses_no_model_but_reads_the_figures() -> None:
    headers = {b"cookie": COOKIE, b"x-csrf-token": b"csrf-token"}
    with pytest.raises(Refusal) as caught:
        identify(viewers_directory(), headers)
    assert (caught.value.status, caught.value.code) == (403, "forbidden")
    assert identify(viewers_directory(), headers, uses_models=False).user == "usr_2"


def test_a_key_is_taken_only_from_its_networks() -> None:
    known = directory(addresses=["10.0.0.0/8", "2001:db8::/32"])
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "2001:db8::7"):
        assert identify(known, bearer(), address=lambda a=address: a).key == "key_1"
    for address in ("192.0.2.1", "", "10.1.2.3.evil.test"):
        with pytest.raises(Refusal) as caught:
            identify(known, bearer(), address=lambda a=address: a)
        assert (caught.value.status, caught.value.code) == (403, "address_not_allowed")
