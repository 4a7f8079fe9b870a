"""Settings that the engine refuses, and the value that it would take."""

from typing import Final

from vllm_manager_engine.failures.case import Case
from vllm_manager_engine.failures.rule import Groups, Rule, Suggestion, grouped, rule, setting


def _fitting_parallel(groups: Groups, _case: Case) -> list[Suggestion]:
    heads, asked = int(groups["heads"] or 1), int(groups["size"] or 1)
    best = next(n for n in range(min(asked, heads), 0, -1) if heads % n == 0)
    return [setting("tensor_parallel_size", best)]


def _longest(groups: Groups, _case: Case) -> list[Suggestion]:
    return [setting("max_model_len", int(float(groups["best"] or 0)))]


def _whole_context(groups: Groups, _case: Case) -> list[Suggestion]:
    return [setting("max_num_batched_tokens", int(groups["need"] or 0))]


def _take_out(groups: Groups, case: Case) -> list[Suggestion]:
    name = (groups["name"] or "").lstrip("-").partition("=")[0].replace("-", "_")
    return [setting(name, None)] if name in case.asked.arguments else []


RULES: Final[tuple[Rule, ...]] = (
    rule(
        "unknown_argument",
        r"error: unrecognized arguments: (?P<name>--\S+)",
        "The engine does not know the argument {name}. Take it out, or correct its name.",
        suggest=_take_out,
    ),
    rule(
        "bad_argument",
        r"error: argument (?P<name>--[\w-]+)\S*: (?P<why>.*)",
        "The engine refuses the value of {name}: {why} Correct it, or take it out.",
        suggest=_take_out,
    ),
    rule(
        "bad_argument",
        r"error: (?:unrecognized arguments:|argument |ambiguous option:|the following arguments)",
        "The engine does not accept its arguments. Correct the deployment's arguments.",
        standing="general",
    ),
    rule(
        "context_too_long",
        r"User-specified max_model_len \((?P<asked>\d+)\) is greater than the derived "
        r"max_model_len.*?=(?P<best>\d+)",
        "A context of {tokens} tokens is more than the model was made for. The largest that it "
        "takes is {most}.",
        suggest=_longest,
        values=lambda groups, _case: {
            "tokens": grouped(groups["asked"] or 0),
            "most": grouped(groups["best"] or 0),
        },
    ),
    rule(
        "batch_too_small",
        r"max_num_batched_tokens \((?P<have>\d+)\) (?:is smaller than max_model_len|must be "
        r"greater "
        r"than or equal to max_num_seqs) \((?P<need>\d+)\)",
        "A step of the engine takes {have} tokens (max_num_batched_tokens), and must take {need} "
        "for these settings.",
        suggest=_whole_context,
    ),
    rule(
        "parallel_size_unfit",
        r"[Tt]otal number of attention heads \((?P<heads>\d+)\) must be divisible by tensor "
        r"parallel "
        r"size \((?P<size>\d+)\)",
        "The model has {heads} attention heads, which can't be shared evenly by {size} workers.",
        suggest=_fitting_parallel,
    ),
    rule(
        "pipeline_unsupported",
        r"Pipeline parallelism is not supported for this model",
        "The model can't be cut into stages (pipeline parallelism). Use tensor parallelism alone.",
        suggest=lambda _groups, _case: [setting("pipeline_parallel_size", 1)],
    ),
    rule(
        "bad_environment",
        r"Invalid value '(?P<value>[^']*)' for (?P<name>VLLM_\w+)",
        "The environment variable {name} has the value “{value}”, which the engine does not take. "
        "Correct the deployment's environment.",
    ),
    rule(
        "bad_argument",
        r"Unknown attention backend: '(?P<value>[^']*)'",
        "The engine has no attention backend “{value}”. Take attention_backend out.",
        suggest=lambda _groups, case: (
            [setting("attention_backend", None)]
            if "attention_backend" in case.asked.arguments
            else []
        ),
    ),
    rule(
        "bad_argument",
        r"Value error, (?P<why>.*?)(?: \[type=.*)?$",
        "The engine refused its settings: {why} Correct the deployment's arguments.",
        standing="general",
    ),
    rule(
        "bad_argument",
        r"ValueError: .*(?:must be|argument|not divisible)|validation errors? for \w+",
        "The engine refused its settings. Correct the deployment's arguments as the line says.",
        standing="consequence",
    ),
)
