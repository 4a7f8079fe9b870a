"""The command line trusts whom it should: known authorities, a file's, and its own server."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from support.certificates import DAY, Authority
from support.proxy import TlsFront
from support.rest_server import RestServer
from vllm_manager.cli.doctor.installation import certificate
from vllm_manager.cli.main import app
from vllm_manager.cli.tls import check_certificate, local_url, trust_in
from vllm_manager.kit.certificates import Pair
from vllm_manager.kit.errors import Problem
from vllm_manager.settings import Settings


def place_of(server: RestServer) -> tuple[str, int]:
    return "127.0.0.1", int(server.url.rsplit(":", 1)[1])


def listed(home: Path, **environment: str) -> Result:
    """Run `ls` in a home of its own."""
    settings = {"VLLM_MANAGER_HOME": str(home), "VLLM_MANAGER_TOKEN": "vm-key", **environment}
    return CliRunner(env=settings).invoke(app, ["ls"])


def test_a_server_with_a_company_s_certificate_needs_its_authority_s_file(
    server: RestServer, tmp_path: Path
) -> None:
    server.answer("GET /api/v1/deployments", {"items": [], "next_cursor": None})
    with TlsFront("localhost", place_of(server), tmp_path) as front:
        url = f"https://localhost:{front.port}"
        refused = listed(tmp_path, VLLM_MANAGER_URL=url).exception
        assert isinstance(refused, Problem)
        assert refused.code == "server_distrusted"
        assert "VLLM_MANAGER_CA_FILE" in refused.details.remediation[0].label
        assert server.calls == []
        file = str(front.authority)
        done = listed(tmp_path, VLLM_MANAGER_URL=url, VLLM_MANAGER_CA_FILE=file)
        assert done.exit_code == 0, done.exception
    assert server.calls[0].headers["authorization"] == "Bearer vm-key"


def test_on_its_own_machine_it_trusts_the_very_certificate_that_is_configured(
    server: RestServer, tmp_path: Path
) -> None:
    server.answer("GET /api/v1/deployments", {"items": [], "next_cursor": None})
    other = Authority(tmp_path / "other").pair()
    with TlsFront("manager.test", place_of(server), tmp_path) as front:
        pair = Pair(front.authority, tmp_path / "key.pem")
        port = str(front.port)
        for files, exits in ((pair, 0), (other, 1)):
            done = listed(
                tmp_path,
                VLLM_MANAGER_PORT=port,
                VLLM_MANAGER_TLS_CERTIFICATE=str(files.certificate),
                VLLM_MANAGER_TLS_KEY=str(files.key),
            )
            assert done.exit_code == exits, done.exception
            assert exits == 0 or isinstance(done.exception, Problem)


def test_an_authority_s_file_without_one_is_told(tmp_path: Path) -> None:
    result = listed(tmp_path, VLLM_MANAGER_URL="https://x.test", VLLM_MANAGER_CA_FILE="/nowhere")
    assert isinstance(result.exception, Problem)
    assert result.exception.code == "tls_unusable"
    assert "/nowhere" in result.exception.details.detail


def settings(**more: object) -> Settings:
    return Settings.model_validate(more)


def test_the_local_address_says_https_where_there_is_a_certificate(tmp_path: Path) -> None:
    pair = Authority(tmp_path).pair()
    with_tls = settings(port=9000, tls_certificate=pair.certificate, tls_key=pair.key)
    assert local_url(with_tls) == "https://127.0.0.1:9000"
    assert local_url(settings(port=9000)) == "http://127.0.0.1:9000"
    assert trust_in("http://127.0.0.1:9000", settings(port=9000)) is True
    check_certificate(with_tls)
    check_certificate(settings())


@pytest.mark.parametrize("alone", ["tls_certificate", "tls_key"])
def test_a_certificate_or_key_alone_is_refused(alone: str) -> None:
    with pytest.raises(ValueError, match="or none"):
        settings(**{alone: "/x.pem"})


def test_a_path_that_means_another_file_in_another_folder_is_refused() -> None:
    with pytest.raises(ValueError, match="begins with /"):
        settings(tls_certificate="own.pem", tls_key="/own.key")


def test_a_pair_that_does_not_fit_is_told_with_the_settings_that_name_it(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    pair = Pair(authority.pair("one").certificate, authority.pair("other").key)
    with pytest.raises(Problem) as raised:
        check_certificate(settings(tls_certificate=pair.certificate, tls_key=pair.key))
    assert raised.value.code == "tls_unusable"
    assert "VLLM_MANAGER_TLS_KEY" in raised.value.details.remediation[0].label


def test_the_doctor_tells_until_when_the_certificate_counts(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    def found(days: int) -> bool | None:
        pair = authority.pair(ends=days * DAY)
        return certificate(settings(tls_certificate=pair.certificate, tls_key=pair.key)).ok

    assert [found(days) for days in (30, 13, -1)] == [True, False, False]
    assert certificate(settings()).ok is None
