"""Which files of a repository are fetched, and which repositories are refused."""

from dataclasses import dataclass

import pytest

from vllm_manager.downloads.patterns import choose
from vllm_manager.kit.errors import Problem


@dataclass(frozen=True)
class File:
    path: str


def chosen(*paths: str, include: list[str] | None = None) -> list[str]:
    return [file.path for file in choose([File(path) for path in paths], include)]


def refusal(*paths: str, include: list[str] | None = None) -> str:
    with pytest.raises(Problem) as caught:
        chosen(*paths, include=include)
    return caught.value.code


def test_what_the_engine_needs_is_fetched_and_no_more() -> None:
    wanted = [
        "chat_template.jinja",
        "config.json",
        "merges.txt",
        "model-00001-of-00002.safetensors",
        "model.safetensors.index.json",
        "1_Pooling/config.json",
        "tokenizer.model",
    ]
    left = [
        "README.md",
        "modeling_own.py",
        "onnx/config.json",
        "original/consolidated.00.safetensors",
        "pytorch_model.bin",
        "pytorch_model.bin.index.json",
        "model.gguf",
        "logo.png",
    ]
    assert chosen(*wanted, *left) == wanted


def test_mistral_s_own_weights_are_left_out_where_there_are_others() -> None:
    both = ("config.json", "consolidated.safetensors", "model.safetensors")
    assert chosen(*both) == ["config.json", "model.safetensors"]


def test_mistral_s_own_weights_are_fetched_where_there_are_no_others() -> None:
    alone = ("consolidated.safetensors", "params.json", "tekken.json")
    assert chosen(*alone) == list(alone)


@pytest.mark.parametrize(
    "pickled",
    ["pytorch_model.bin", "model.pt", "weights.pth", "w.pkl", "pytorch_model.bin.index.json"],
)
def test_weights_that_are_pickle_alone_are_refused(pickled: str) -> None:
    assert refusal("config.json", pickled) == "pickle_refused"


def test_a_repository_without_weights_is_refused() -> None:
    assert refusal("config.json", "README.md") == "no_weights"
    assert refusal() == "no_weights"


def test_patterns_choose_others() -> None:
    assert chosen("README.md", "config.json", "a/b.json", include=["*.json"]) == [
        "config.json",
        "a/b.json",
    ]


@pytest.mark.parametrize(
    ("include", "code"),
    [(["*.bin"], "pickle_refused"), (["*.py"], "code_refused"), (["*.xyz"], "no_files_match")],
)
def test_patterns_can_ask_for_neither_pickle_nor_code_nor_nothing(
    include: list[str], code: str
) -> None:
    assert refusal("a.bin", "b.py", "c.safetensors", include=include) == code


@pytest.mark.parametrize(
    "path",
    ["../x.json", "/etc/x.json", "a//b.json", "a\\b.json", "a/./b.json", "a\nb.json", "x" * 600],
)
def test_names_that_lead_out_of_the_folder_are_refused(path: str) -> None:
    assert refusal("config.json", "model.safetensors", path) == "unsafe_path"
