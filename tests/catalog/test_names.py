"""Names that climb, hide or deceive are refused; those of real models are not."""

import pytest

from vllm_manager.catalog.names import check_model_id, check_revision, is_plain_path
from vllm_manager.kit.errors import Problem


@pytest.mark.parametrize(
    "name", ["gpt2", "meta-llama/Llama-3.1-8B-Instruct", "a/b", "01-ai/Yi-1.5-9B", "x_y/z.w"]
)
def test_real_ids_pass(name: str) -> None:
    assert check_model_id(name) == name


@pytest.mark.parametrize("revision", ["main", "v1.0", "refs/pr/12", "0" * 40, "feature/a-b_c"])
def test_real_revisions_pass(revision: str) -> None:
    assert check_revision(revision) == revision


@pytest.mark.parametrize("revision", ["", "-x", "../main", "a//b", "a b", "a\0", "ма́in", "x" * 129])
def test_other_revisions_do_not(revision: str) -> None:
    with pytest.raises(Problem) as caught:
        check_revision(revision)
    assert caught.value.details.errors[0].field == "revision"


@pytest.mark.parametrize(
    ("path", "is_plain"),
    [
        ("config.json", True),
        ("a/b/c.txt", True),
        (".gitattributes", True),
        ("../x", False),
        ("a/../../x", False),
        ("/etc/passwd", False),
        ("a//b", False),
        ("a\\b", False),
        ("C:/x", False),
        ("a\nb", False),
        ("x" * 513, False),
        ("", False),
    ],
)
def test_a_path_stays_in_its_folder(path: str, is_plain: bool) -> None:
    assert is_plain_path(path) is is_plain
