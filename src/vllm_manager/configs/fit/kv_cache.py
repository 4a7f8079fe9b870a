"""How much KV cache a model takes: pages, blocks, groups and capacity, as vLLM computes them.

Follows vLLM 0.32: `v1/kv_cache_interface.py` (pages), `v1/core/kv_cache_utils.py` (groups,
capacity), `platforms/interface.py` (`_align_hybrid_block_size`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vllm_manager.configs.fit.architecture import Architecture, AttentionLayer, Layer
from vllm_manager.configs.fit.state_layers import StateLayer

_STATE = "state"


@dataclass(frozen=True, slots=True)
class CacheRules:
    """How one worker caches.

    `kernel_tokens` is what the attention kernels' blocks are multiples of, `in_flight_tokens` the
    tokens scheduled but not settled; `keeps_last_states` says that a request holds the last states
    of each recurrent layer (prefix caching), not one alone. Element sizes are in bytes.
    """

    tensor_parallel_size: int
    block_tokens: int
    kernel_tokens: int
    element_bytes: int
    convolution_bytes: int
    state_bytes: int
    in_flight_tokens: int
    keeps_last_states: bool


@dataclass(frozen=True, slots=True)
class Page:
    """The cache of one layer for one block: its kind, bytes (padded), tokens, window in tokens.

    `states` is how many a request holds, of a recurrent layer.
    """

    kind: str
    size_bytes: int
    tokens: int
    window: int | None = None
    states: int = 0


@dataclass(frozen=True, slots=True)
class Cache:
    """The cache of one worker: groups of layers share block numbers, blocks come from one pool."""

    block_bytes: int
    block_tokens: int
    groups: tuple[Page, ...]
    bytes_per_token: int
    bytes_per_request: int
    rules: CacheRules

    def blocks_for(self, length_tokens: int) -> int:
        """Return the blocks that one request of this length may hold, in all groups together."""
        return sum(_blocks(page, length_tokens, self.rules) for page in self.groups)

    def bytes_for(self, length_tokens: int) -> int:
        """Return the least cache with which a request of this length is accepted.

        One block is never used: the engine keeps it as the null block.
        """
        return (self.blocks_for(length_tokens) + 1) * self.block_bytes if self.groups else 0

    def concurrency(self, memory_bytes: int, length_tokens: int) -> float | None:
        """Return how many requests of this length fit at once; None where nothing is cached."""
        if not self.groups:
            return None
        return memory_bytes // self.block_bytes / self.blocks_for(length_tokens)

    def tokens(self, memory_bytes: int, length_tokens: int) -> int | None:
        """Return the tokens that the engine says its cache holds, at this length."""
        times = self.concurrency(memory_bytes, length_tokens)
        return None if times is None else int(times * length_tokens)

    def longest(self, memory_bytes: int, most_tokens: int) -> int:
        """Return the longest request that is accepted, at most `most_tokens`; 0 if none is."""
        if self.bytes_for(1) > memory_bytes:
            return 0
        low, high = 1, most_tokens
        while low < high:
            middle = (low + high + 1) // 2
            if self.bytes_for(middle) <= memory_bytes:
                low = middle
            else:
                high = middle - 1
        return low


def plan(architecture: Architecture, layers: Sequence[Layer | None], rules: CacheRules) -> Cache:
    """Return the cache of a worker that has `layers` of a model."""
    kept = [layer for layer in layers if layer is not None]
    rules = _aligned(architecture, kept, rules)
    pages = [_page(layer, rules) for layer in kept]
    attention = [p for p in pages if p.kind != _STATE]
    per_token = sum(p.size_bytes // p.tokens for p in attention)
    per_request = sum(_state_bytes(x, rules) for x in kept if isinstance(x, StateLayer))
    groups = _groups(_unified(pages))
    return Cache(
        block_bytes=max((size for _, size in groups), default=0),
        block_tokens=rules.block_tokens,
        groups=tuple(page for page, _ in groups),
        bytes_per_token=per_token,
        bytes_per_request=per_request,
        rules=rules,
    )


def _token_bytes(layer: AttentionLayer, rules: CacheRules) -> int:
    if layer.kind == "mla":  # One latent vector, the same on every GPU.
        return layer.head_size * rules.element_bytes
    heads = max(1, layer.kv_heads // rules.tensor_parallel_size)
    return 2 * heads * layer.head_size * rules.element_bytes


def _state_bytes(layer: StateLayer, rules: CacheRules) -> int:
    convolution, state = layer.elements(rules.tensor_parallel_size)
    return convolution * rules.convolution_bytes + state * rules.state_bytes


def _aligned(architecture: Architecture, layers: Sequence[Layer], rules: CacheRules) -> CacheRules:
    """Return rules with blocks so large that a page of attention is no smaller than a state."""
    states = [_state_bytes(x, rules) for x in layers if isinstance(x, StateLayer)]
    tokens = [_token_bytes(x, rules) for x in layers if isinstance(x, AttentionLayer)]
    if not states or not tokens:
        return rules
    step = max(rules.kernel_tokens, rules.block_tokens)
    if any(isinstance(x, AttentionLayer) and x.kind == "mla" for x in layers):
        step = max(step, 128)
    needed = step * math.ceil(max(states) / (step * tokens[0]))
    needed = rules.kernel_tokens * math.ceil(needed / rules.kernel_tokens)
    return replace(rules, block_tokens=max(rules.block_tokens, needed))


def _page(layer: Layer, rules: CacheRules) -> Page:
    if isinstance(layer, StateLayer):
        states = 2 + layer.checkpoints if rules.keeps_last_states else 1
        return Page(_STATE, _state_bytes(layer, rules), rules.block_tokens, states=states)
    token_bytes = _token_bytes(layer, rules)
    tokens = rules.block_tokens
    if layer.kind == "sliding":  # The window's layers choose their own blocks.
        tokens = max(rules.kernel_tokens, tokens // rules.kernel_tokens * rules.kernel_tokens)
    kind = "full" if layer.kind == "mla" else layer.kind
    return Page(kind, token_bytes * tokens, tokens, layer.window)


def _unified(pages: Sequence[Page]) -> list[Page]:
    """Return pages of one size, where layers of several kinds share a pool.

    Layers of one kind need no common size: they form one group.
    """
    alike = {(p.kind, p.window, p.tokens) for p in pages}
    sizes = {p.size_bytes for p in pages}
    if len(alike) <= 1 or len(sizes) <= 1:
        return list(pages)
    largest = max(sizes)
    return [_grown(page, largest) for page in pages]


def _grown(page: Page, size_bytes: int) -> Page:
    ratio, rest = divmod(size_bytes, page.size_bytes)
    if page.kind == _STATE or rest:
        return replace(page, size_bytes=size_bytes)
    return replace(page, size_bytes=size_bytes, tokens=page.tokens * ratio)


def _groups(pages: Sequence[Page]) -> list[tuple[Page, int]]:
    """Return the groups, each with the bytes that one block number takes in all its layers."""
    kinds: dict[tuple[str, int | None, int], list[Page]] = {}
    for page in pages:
        kinds.setdefault((page.kind, page.window, page.tokens), []).append(page)
    if len(kinds) == 1:
        (only,) = kinds.values()
        return [(only[0], sum(page.size_bytes for page in only))]
    counts = [len(group) for group in kinds.values()]
    size = min(counts, default=0)
    if max(counts, default=0) < size * 1.5:
        size = max(counts)
    found: list[tuple[Page, int]] = []
    for group in kinds.values():
        number = math.ceil(len(group) / size)
        found += [(group[0], _size(group[i::number])) for i in range(number)]
    return found


def _size(pages: Sequence[Page]) -> int:
    return sum(page.size_bytes for page in pages)


def _blocks(page: Page, length_tokens: int, rules: CacheRules) -> int:
    """Return the blocks that a request holds at most; see each spec's `max_memory_usage_bytes`."""
    if page.kind == _STATE:
        return page.states
    if page.kind == "sliding" and page.window:
        held = min(page.window - 1 + rules.in_flight_tokens, length_tokens)
        return math.ceil(held / page.tokens) + 1
    if page.kind == "chunked" and page.window:
        held = min(page.window + rules.in_flight_tokens, length_tokens)
        return math.ceil(held / page.tokens)
    return math.ceil(length_tokens / page.tokens)
