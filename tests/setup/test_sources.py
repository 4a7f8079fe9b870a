"""What pip is configured to use is handed on to uv."""

from pathlib import Path

from bootstrap.sources import find_links, has_wheel, uv_environment


def test_wheel_folders_of_pip_are_handed_to_uv() -> None:
    pip = {
        "PIP_FIND_LINKS": "/wheels file:///more",
        "PIP_INDEX_URL": "https://mirror.example/simple",
    }
    given = uv_environment({**pip, "PIP_CERT": "/etc/ssl/ca.pem"})
    assert given["UV_FIND_LINKS"] == "/wheels,file:///more"
    assert given["UV_DEFAULT_INDEX"] == "https://mirror.example/simple"
    assert given["SSL_CERT_FILE"] == "/etc/ssl/ca.pem"


def test_what_uv_was_told_directly_wins() -> None:
    assert find_links({"UV_FIND_LINKS": "/ours", "PIP_FIND_LINKS": "/pips"}) == ["/ours"]


def test_a_wheel_is_found_in_a_local_folder_only(tmp_path: Path) -> None:
    (tmp_path / "torch-2.13.0+cpu-cp311-cp311-linux_x86_64.whl").touch()
    assert has_wheel("torch-2.13.0+cpu", [str(tmp_path)])
    assert has_wheel("torch-2.13.0+cpu", [f"file://{tmp_path}"])
    assert not has_wheel("torch-2.14", [str(tmp_path)])
    assert not has_wheel("torch", ["https://wheels.example/page.html"])
