"""Where a model may come from: the demo, a folder of safetensors, a Hugging Face id."""

import os
from pathlib import Path

import pytest

from vllm_manager.configs import check_model


def message(model: str, revision: str | None = None, *, local: bool = True) -> str:
    errors = check_model(model, revision, local=local)
    assert [error.field for error in errors] == ["model"], errors
    return errors[0].message


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (folder / name).write_text("{}")
    return folder


@pytest.mark.parametrize("model", ["demo", "meta-llama/Llama-3.1-8B", "a/b", "Qwen/Qwen3_0.6B"])
def test_the_demo_and_ids_of_the_hub_are_accepted(model: str):
    assert check_model(model, None, local=True) == []


@pytest.mark.parametrize(
    "model",
    [
        "../secret",
        "a/../b",
        "..",
        "a/..",
        "base:..",
        "base:../x",
        "%2e%2e/%2e%2e",
        "a/%2e%2e",
        "a/b/c",
        "a/b:c",
        "./a/b",
        "~/models/x",
        "file:///etc/passwd",
        "http://127.0.0.1/x",
        "a\\b",
        "a/b\\..\\c",
        "a/b\0",
        "a/b\n",
        "\ta/b",
        "meta\u2010llama/Llama",
        "mеta/llama",  # the е is Cyrillic
        "meta/llаma",  # the а is Cyrillic
        "ａ/ｂ",
        "a/b\u200b",
        "a/b\u202e",
        "-a/b",
        "--trust-remote-code/x",
        "a/-b",
        "a/--host",
        "a--b/c",
        ".a/b",
        "a/.b",
        "x" * 97 + "/b",
        "a/" + "x" * 500,
        " a/b",
        "a/b ",
        "",
        "gpt2",
        "Demo",
        "demo/",
    ],
)
def test_what_is_no_reference_is_refused(model: str):
    assert message(model)


def test_a_folder_of_safetensors_is_accepted(folder: Path):
    assert check_model(str(folder), None, local=True) == []


def test_a_folder_that_is_not_there_is_named(tmp_path: Path):
    assert f"There is no folder {tmp_path / 'none'}" in message(str(tmp_path / "none"))


def test_a_file_is_not_a_folder(folder: Path):
    assert "There is no folder" in message(str(folder / "config.json"))


def test_a_path_that_climbs_is_refused(folder: Path):
    assert "may not contain “..”" in message(f"{folder}/../model")


@pytest.mark.parametrize("path", ["/" + "x" * 300, "/x" * 3000, "/etc/\0", "/a\\b"])
def test_a_path_that_cant_be_is_refused(path: str):
    assert message(path)


def test_a_folder_of_pickles_is_refused_with_the_reason(folder: Path):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    text = message(str(folder))
    assert "holds no .safetensors file" in text
    assert "pickle files, which can run code" in text


def test_an_empty_folder_is_refused(tmp_path: Path):
    text = message(str(tmp_path))
    assert "holds no .safetensors file" in text
    assert "pickle" not in text


def test_a_folder_without_its_shape_is_refused(folder: Path):
    (folder / "config.json").unlink()
    assert "holds no config.json" in message(str(folder))


def test_a_link_that_leads_outside_is_refused_with_its_target(folder: Path, tmp_path: Path):
    (tmp_path / "outside.safetensors").touch()
    (folder / "more.safetensors").symlink_to(tmp_path / "outside.safetensors")
    text = message(str(folder))
    assert "more.safetensors is a link that leads out of the folder" in text
    assert str(tmp_path / "outside.safetensors") in text


def test_a_link_to_a_folder_outside_is_refused(folder: Path):
    (folder / "extra").symlink_to("/etc")
    assert "extra is a link that leads out" in message(str(folder))


def test_a_link_within_the_folder_is_accepted(folder: Path):
    (folder / "copy.safetensors").symlink_to("model.safetensors")
    assert check_model(str(folder), None, local=True) == []


def test_links_in_a_circle_are_refused(folder: Path):
    (folder / "a").symlink_to("b")
    (folder / "b").symlink_to("a")
    assert "leads nowhere" in message(str(folder))


def cached(root: Path) -> Path:
    """Lay a model out as the Hugging Face cache does, and return its snapshot."""
    repository = root / "models--org--name"
    snapshot = repository / "snapshots" / "0123abcd"
    snapshot.mkdir(parents=True)
    (repository / "blobs").mkdir()
    for name in ("config.json", "model.safetensors"):
        (repository / "blobs" / f"sha-{name}").write_text("{}")
        (snapshot / name).symlink_to(f"../../blobs/sha-{name}")
    return snapshot


def test_a_snapshot_of_the_hugging_face_cache_is_accepted(tmp_path: Path):
    assert check_model(str(cached(tmp_path)), None, local=True) == []


def test_a_snapshot_may_not_link_into_another_models_blobs(tmp_path: Path):
    snapshot = cached(tmp_path)
    other = tmp_path / "models--other" / "blobs"
    other.mkdir(parents=True)
    (other / "x").touch()
    (snapshot / "x.safetensors").symlink_to(other / "x")
    assert "leads out of the folder" in message(str(snapshot))


def test_a_folder_that_is_itself_a_link_is_accepted(folder: Path, tmp_path: Path):
    (tmp_path / "link").symlink_to(folder)
    assert check_model(str(tmp_path / "link"), None, local=True) == []


def test_a_folder_on_another_machine_is_left_to_the_replica(tmp_path: Path):
    assert check_model(str(tmp_path / "none"), None, local=False) == []


@pytest.mark.parametrize("revision", ["main", "v1.0", "refs/pr/1", "0123abcd" * 5, None])
def test_a_commit_a_tag_and_a_branch_are_accepted(revision: str | None):
    assert check_model("a/b", revision, local=True) == []


@pytest.mark.parametrize(
    "revision", ["../x", "a/../b", "-x", "--trust-remote-code", "a b", "", "a\n", "é", "x" * 129]
)
@pytest.mark.parametrize("model", ["a/b", "demo"])
def test_what_is_no_revision_is_refused_whatever_the_model(model: str, revision: str):
    assert [error.field for error in check_model(model, revision, local=True)] == ["revision"]


def test_a_folder_that_may_not_be_read_is_refused(folder: Path):
    folder.chmod(0)
    try:
        if os.access(folder, os.R_OK):  # the superuser reads everything
            assert check_model(str(folder), None, local=True) == []
        else:
            assert "can't be read" in message(str(folder))
    finally:
        folder.chmod(0o700)
