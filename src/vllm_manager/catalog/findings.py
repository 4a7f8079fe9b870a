"""What keeps a model from being served as it is, each with its words and its way out. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from vllm_manager.catalog.reading import architectures_of, is_supported, needs_own_code
from vllm_manager.catalog.schemas import Finding, Gate
from vllm_manager.catalog.weights import is_pickle, weight_format
from vllm_manager.kit.errors import Problem, Remedy

_ANOTHER = Remedy(label="Look for the same model as safetensors: `vllm-manager models search`")


def findings(
    repo: str,
    paths: Sequence[str],
    config: Mapping[str, Any] | None,
    known: frozenset[str] | None,
    gate: Gate | None = "open",
    refused: Problem | None = None,
) -> list[Finding]:
    """Return what is known against serving a model.

    `config` is None where it can't be read; `known` are the engine's architectures, None where
    unknown; `refused` is why the hub gave no file, where it gave none.
    """
    found = [_weights(repo, paths), _config(repo, paths, config)]
    if config is not None:
        found.append(_code(repo, config, known) or _architecture(config, known))
    found.append(_gate(repo, gate, refused))
    return [finding for finding in found if finding is not None]


def _weights(repo: str, paths: Sequence[str]) -> Finding | None:
    form = weight_format(paths)
    if form == "safetensors":
        return None
    if form == "pickle":
        named = next(path for path in paths if is_pickle(path))
        return Finding(
            code="pickle_only",
            detail=f"{repo} has its weights only as pickle ({named}), which can run any code when "
            "loaded. Only safetensors are loaded.",
            remediation=[_ANOTHER, Remedy(label="Convert the weights to safetensors.")],
        )
    if form == "gguf":
        return Finding(
            code="not_safetensors",
            detail=f"{repo} has its weights as GGUF, which is for other engines.",
            remediation=[_ANOTHER],
        )
    return Finding(
        code="no_weights",
        detail=f"{repo} holds no weights: there is nothing that an engine could load.",
        remediation=[Remedy(label="Look for the model that it belongs to on its card.")],
    )


def _config(repo: str, paths: Sequence[str], config: Mapping[str, Any] | None) -> Finding | None:
    if config is not None or "config.json" in paths:
        return None
    return Finding(
        code="no_config",
        detail=f"{repo} has no config.json, so the engine can't know the model's shape. It may be "
        "an adapter, or made for another library.",
        remediation=[Remedy(label="Deploy the model it was made from; see its card.")],
    )


def _architecture(config: Mapping[str, Any], known: frozenset[str] | None) -> Finding | None:
    named = architectures_of(config)
    if is_supported(named, known) is not False:
        return None
    return Finding(
        code="architecture_unsupported",
        detail=f"The installed vLLM doesn't have the architecture {', '.join(named)}.",
        remediation=[
            Remedy(label="Upgrade the engine (`make upgrade`); newer vLLM has more of them."),
            Remedy(label="Take a model of an architecture that it has."),
        ],
    )


def _code(repo: str, config: Mapping[str, Any], known: frozenset[str] | None) -> Finding | None:
    if not needs_own_code(config, known):
        return None
    return Finding(
        code="code_refused",
        detail=f"{repo} needs code of its own (`auto_map`), which loading would run on this "
        "machine. It is refused unless an administrator allows it for one pinned commit "
        "(VLLM_MANAGER_TRUSTED_CODE).",
        remediation=[Remedy(label="Take a variant that needs no code of its own.")],
    )


def _gate(repo: str, gate: Gate | None, refused: Problem | None) -> Finding | None:
    if refused is not None and refused.code == "hub_gated":
        return Finding(
            code="gated",
            detail=refused.details.detail,
            remediation=refused.details.remediation,
        )
    if refused is None or gate == "open":
        return None
    return Finding(code="gated", detail=f"{repo}: {refused.details.detail}")
