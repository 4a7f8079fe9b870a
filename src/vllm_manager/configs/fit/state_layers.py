"""Layers that keep a state of fixed size for each request instead of keys and values.

Follows vLLM 0.32, `model_executor/layers/mamba/mamba_utils.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class StateLayer:
    """A recurrent layer: elements of its convolution and of its recurrent state, per request.

    `per_group` of the convolution is held again for every GPU where groups are fewer than GPUs.
    With prefix caching a request holds two states, and `checkpoints` more.
    """

    convolution: int
    state: int
    groups: int = 1
    per_group: int = 0
    checkpoints: int = 0

    def elements(self, tensor_parallel_size: int) -> tuple[int, int]:
        """Return the elements on one GPU: of the convolution, of the state."""
        extra = 0
        if self.per_group and self.groups % tensor_parallel_size:
            extra = (tensor_parallel_size - self.groups) * self.per_group
        whole = self.convolution + self.groups * self.per_group + extra
        return whole // tensor_parallel_size, self.state // tensor_parallel_size


def state_layer(text: Mapping[str, Any], model_type: str, kind: str) -> StateLayer | None:
    """Return what a layer of this kind keeps, or None where that is not known."""
    try:
        if kind == "mamba" and model_type == "jamba":
            inner = int(text["mamba_expand"]) * int(text["hidden_size"])
            return _mamba1(inner, int(text["mamba_d_state"]), int(text["mamba_d_conv"]))
        if kind == "mamba" and model_type in ("mamba", "falcon_mamba"):
            inner = int(text.get("intermediate_size") or 2 * int(text["hidden_size"]))
            return _mamba1(inner, int(text["state_size"]), int(text["conv_kernel"]))
        if kind == "mamba" and "mamba_n_heads" in text:
            return _mamba2(text)
        if kind == "linear_attention" and "linear_num_value_heads" in text:
            return _gated_delta_net(text)
        if kind == "conv" and "conv_L_cache" in text:
            dimension = int(text.get("conv_dim") or text["hidden_size"])
            return StateLayer(dimension * (int(text["conv_L_cache"]) - 1), 0)
    except (KeyError, TypeError, ValueError):
        return None
    return None


def _mamba1(inner: int, state_size: int, kernel: int) -> StateLayer:
    return StateLayer(inner * (kernel - 1), inner * state_size)


def _mamba2(text: Mapping[str, Any]) -> StateLayer:
    inner = int(text["mamba_expand"]) * int(text["hidden_size"])
    steps, size = int(text["mamba_d_conv"]) - 1, int(text["mamba_d_state"])
    heads, head_size = int(text["mamba_n_heads"]), int(text["mamba_d_head"])
    groups = int(text["mamba_n_groups"])
    state = heads * head_size * size
    return StateLayer(inner * steps, state, groups, 2 * size * steps, checkpoints=1)


def _gated_delta_net(text: Mapping[str, Any]) -> StateLayer:
    keys = int(text["linear_num_key_heads"]) * int(text["linear_key_head_dim"])
    heads, size = int(text["linear_num_value_heads"]), int(text["linear_value_head_dim"])
    steps = int(text["linear_conv_kernel_dim"]) - 1
    state = heads * size * int(text["linear_key_head_dim"])
    return StateLayer((2 * keys + heads * size) * steps, state)
