"""What a request asks of an engine: how many tokens it may use at most, and what is too much."""

from collections.abc import Mapping
from math import ceil
from typing import NamedTuple, NoReturn

import msgspec

from vllm_manager.gateway.answers import Refusal
from vllm_manager.gateway.payload import Prompt

MOST_ANSWERS = 128
"""Answers to one prompt (`n`, `best_of`), as at OpenAI: each is a sequence of its own."""
MOST_PROMPTS = 2048
"""Prompts in one request, as at OpenAI."""
MOST_STOPS = 256
"""Entries of a list that the engine goes through again for each token that it makes."""

_COUNTS = ("n", "best_of")
_STOPS = ("stop", "stop_sequences", "stop_token_ids", "bad_words")
_OUTPUT_FIELDS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_DEFAULT_OUTPUT_TOKENS = 1024
_BYTES_PER_TOKEN = 4
_MOST_TOKENS = 1 << 40
_list = msgspec.json.Decoder(list[msgspec.Raw])


class Estimate(NamedTuple):
    """How many tokens a request may use at most, before an engine has counted them."""

    prompt: int
    """Four bytes of the body are taken for a token."""
    output: int
    """What it asks for at most, times the answers that it wants; 1,024 where it does not say."""
    output_at_most: int
    """The same, but where it does not say what the model has room for behind the prompt.

    So much may an engine write. It is what quotas must be asked for: of what is written too much, a
    bucket makes a debt, and a quota nothing.
    """


def estimate(
    body: bytes, prompt: Prompt, *, generates: bool, max_model_len: int | None = None
) -> Estimate:
    """Return what to reserve; `generates`: the route's answer is made of tokens.

    `max_model_len`: what a prompt and an answer may have together; None: not known.

    Raises:
        Refusal: 400, for more answers, prompts or stop words than one request may ask for.
    """
    read = len(body) // _BYTES_PER_TOKEN + 1
    if not generates:
        return Estimate(read, 0, 0)
    fields = prompt.fields
    for name in _STOPS:
        if name in fields and _length(fields[name], MOST_STOPS) > MOST_STOPS:
            _refuse(name, f"has more than {MOST_STOPS} entries", "Leave out what is not needed.")
    # Which of the fields counts is the engine's matter: the largest is what it may come to.
    named = max(_whole(fields.get(name)) for name in _OUTPUT_FIELDS)
    room = max(1, max_model_len - read) if max_model_len else _DEFAULT_OUTPUT_TOKENS
    answers = _answers(fields)
    usual = (named or min(room, _DEFAULT_OUTPUT_TOKENS)) * answers
    return Estimate(read, min(usual, _MOST_TOKENS), min((named or room) * answers, _MOST_TOKENS))


def _answers(fields: Mapping[str, msgspec.Raw]) -> int:
    """Return how many sequences the engine is to write."""
    each = 1
    for name in _COUNTS:
        if name in fields:
            each = max(each, _whole(fields[name]))
            if each > MOST_ANSWERS:
                _refuse(name, f"asks for more than {MOST_ANSWERS} answers", "Send more requests.")
    prompts = _prompts(fields["prompt"]) if "prompt" in fields else 1
    if prompts > MOST_PROMPTS:
        _refuse("prompt", f"holds more than {MOST_PROMPTS:,} prompts", "Send more requests.")
    return each * max(1, prompts)


def _prompts(raw: msgspec.Raw) -> int:
    """Return how many prompts there are: a string and a list of token ids are one."""
    start = bytes(memoryview(raw)[:64]).replace(b" ", b"").replace(b"\n", b"")
    return _length(raw, 0) if start[:2] in (b'["', b"[[") else 1


def _length(raw: msgspec.Raw, uncounted: int) -> int:
    """Return the entries of a list; 0 where there can't be more than `uncounted`, or no list is."""
    view = memoryview(raw)
    if view.nbytes <= 2 * uncounted or bytes(view[:1]) != b"[":
        return 0
    try:
        return len(_list.decode(raw))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return 0  # the engine explains what is wrong with it


def _refuse(name: str, what: str, advice: str) -> NoReturn:
    message = f"“{name}” {what}, which is the most that one request may have. {advice}"
    raise Refusal(400, "invalid_value", message, param=name)


def _whole(raw: msgspec.Raw | None) -> int:
    """Return a number as engines read it, who take `"100"` and `100.0` for 100; 0 for all else."""
    if raw is None:
        return 0
    try:
        value: object = msgspec.json.decode(raw)
        number = float(value) if isinstance(value, str | int | float) else 0.0
        return min(max(0, ceil(number)), _MOST_TOKENS)
    except (msgspec.MsgspecError, ValueError, OverflowError):
        return 0
