"""Where a model's files are, and whether an engine may load them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vllm_manager_engine.failures.failure import Failure

DEMO = "demo"
DEMO_FOLDER = Path(__file__).with_name("demo")
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


@dataclass(frozen=True, slots=True)
class Model:
    """What to hand to the engine: a folder on this machine, or a name on the hub."""

    name: str
    folder: Path | None


def locate(model: str) -> Model:
    """Return where `model` (`demo`, an absolute path, or a hub's name) is."""
    if model == DEMO:
        return Model(str(DEMO_FOLDER), DEMO_FOLDER)
    if Path(model).is_absolute():
        return Model(model, Path(model))
    return Model(model, None)


def problem(model: Model) -> Failure | None:
    """Return why `model` can't be loaded, as far as its folder shows; None if it may be."""
    folder = model.folder
    if folder is None:
        return None
    if not folder.is_dir():
        return Failure(
            "model_not_found",
            f"There is no folder {folder} on this node. Correct the path, or put the model there.",
        )
    names = [path.name for path in folder.iterdir()]
    if "config.json" not in names:
        return Failure(
            "model_not_found", f"{folder} has no config.json: it is not a model's folder."
        )
    if any(name.endswith(".safetensors") for name in names):
        return None
    pickles = sorted(name for name in names if name.endswith(_PICKLES))
    if pickles:
        return Failure(
            "unsupported_model",
            f"{folder} holds its weights as pickles only, which can run any code when loaded. "
            "Convert them to safetensors.",
            evidence=", ".join(pickles[:5]),
        )
    return Failure("model_not_found", f"{folder} holds no weights (*.safetensors).")


def config(model: Model) -> dict[str, Any]:
    """Return the model's config.json; empty where it can't be read."""
    if model.folder is None:
        return {}
    try:
        found = json.loads((model.folder / "config.json").read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType]
