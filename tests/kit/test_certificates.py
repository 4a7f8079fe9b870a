"""A certificate and its key are served where they are whole, private and belong together."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.certificates import DAY, Authority
from vllm_manager.kit.certificates import (
    Pair,
    PairRefused,
    Served,
    expires_at,
    require_current,
    server_context,
    system_trust,
)

NOW = datetime.now(UTC)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "authority")


def why(pair: Pair) -> str:
    """Return why a pair is refused."""
    try:
        server_context(pair)
        require_current(pair, NOW)
    except PairRefused as refused:
        return str(refused)
    raise AssertionError("the pair was accepted")


def test_a_good_pair_is_served_with_tls_1_2_or_newer(authority: Authority) -> None:
    pair = authority.pair()
    context = server_context(pair)
    assert context.minimum_version.name == "TLSv1_2"
    require_current(pair, NOW)


def test_a_missing_file_is_named(authority: Authority, tmp_path: Path) -> None:
    pair = authority.pair()
    nowhere = tmp_path / "nowhere"
    assert f"certificate in {nowhere} can't be read: No such file" in why(Pair(nowhere, pair.key))
    assert f"key in {nowhere} can't be read: No such file" in why(Pair(pair.certificate, nowhere))
    assert "Is a directory" in why(Pair(tmp_path, pair.key))


def test_what_is_no_pem_is_named(authority: Authority, tmp_path: Path) -> None:
    pair = authority.pair()
    for text in ("", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        odd = tmp_path / "odd.pem"
        odd.write_text(text)
        odd.chmod(0o600)
        assert f"no certificate in {odd}" in why(Pair(odd, pair.key))
        assert f"no key in {odd}" in why(Pair(pair.certificate, odd))


def test_two_that_do_not_belong_together_are_refused(authority: Authority) -> None:
    one, other = authority.pair("one"), authority.pair("other")
    assert "is not that of the certificate" in why(Pair(one.certificate, other.key))


def test_an_encrypted_key_asks_nobody_for_its_password(authority: Authority) -> None:
    assert "openssl pkey" in why(authority.pair(password=b"secret"))


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o660, 0o602, 0o777])
def test_a_key_that_others_can_use_is_refused(authority: Authority, mode: int) -> None:
    pair = authority.pair()
    pair.key.chmod(mode)
    assert f"mode {mode:04o}" in why(pair)


@pytest.mark.parametrize("mode", [0o600, 0o400, 0o640, 0o440])
def test_a_key_of_its_owner_and_group_is_served(authority: Authority, mode: int) -> None:
    pair = authority.pair()
    pair.key.chmod(mode)
    server_context(pair)


def test_an_expired_certificate_is_refused_in_words(authority: Authority) -> None:
    pair = authority.pair(ends=-2 * DAY)
    assert "expired on" in why(pair)


def test_the_end_is_that_of_the_server_s_own_certificate(authority: Authority) -> None:
    soon, late = authority.pair("soon", ends=DAY), authority.pair("late", ends=9 * DAY)
    chain = late.certificate
    chain.write_bytes(chain.read_bytes() + soon.certificate.read_bytes())
    assert abs(expires_at(chain) - (NOW + 9 * DAY)) < timedelta(minutes=30)


def test_renewed_files_are_noticed_and_half_written_ones_leave_the_old_in_use(
    authority: Authority,
) -> None:
    pair = authority.pair()
    served = Served(pair)
    assert not served.is_stale()
    whole = pair.key.read_bytes()
    authority.pair("another")
    pair.key.write_bytes(whole[:40])
    assert served.is_stale()
    with pytest.raises(PairRefused):
        served.renew()
    assert not served.is_stale(), "it is not tried again before it changes"
    authority.pair()
    assert served.is_stale()
    served.renew()
    pair.certificate.unlink()
    assert served.is_stale()


def test_a_file_of_authorities_must_hold_some(authority: Authority, tmp_path: Path) -> None:
    system_trust(authority.file)
    (tmp_path / "empty").touch()
    for path in (tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(PairRefused):
            system_trust(path)
