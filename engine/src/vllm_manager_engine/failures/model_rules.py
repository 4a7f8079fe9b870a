"""The model: its files, its tokenizer, its template, its adapters, and whether vLLM knows it."""

from typing import Final

from vllm_manager_engine.failures.case import Case
from vllm_manager_engine.failures.rule import Groups, Rule, Suggestion, rule, setting

_RANKS: Final = (8, 16, 32, 64, 128, 256, 320, 512)


def _higher_rank(groups: Groups, _case: Case) -> list[Suggestion]:
    asked = int(groups["rank"] or 0)
    return [setting("max_lora_rank", rank) for rank in _RANKS if rank >= asked][:1]


def _without(*names: str):
    """Suggest to take out the first of these arguments that was given."""

    def suggest(_groups: Groups, case: Case) -> list[Suggestion]:
        return [setting(name, None) for name in names if name in case.asked.arguments][:1]

    return suggest


def _reads_tokenizer(case: Case, at: int) -> bool:
    return any("tokeniz" in line.text for line in case.lines[max(0, at - 24) : at])


RULES: Final[tuple[Rule, ...]] = (
    rule(
        "weights_corrupt",
        r"Error while deserializing header: (?P<why>.*)|SafetensorError: (?P<other>.*)|"
        r"(?P<short>unpack requires a buffer of 8 bytes)",
        "A weights file is damaged or incomplete ({why}{other}{short}). Download the model again, "
        "or verify it in the library.",
    ),
    rule(
        "weights_incomplete",
        r"Following weights were not initialized from checkpoint: \{(?P<first>'[^']*')",
        "The model's files lack weights that it needs, {first} for one: a file is missing, or was "
        "written by another tool. Download the model again.",
    ),
    rule(
        "weights_mismatch",
        r"There is no module or parameter named (?P<name>'[^']*') in (?P<model>\w+)",
        "The weights do not belong to this model: {model} has no {name}. Weights and config.json "
        "are of different models or versions. Download the model again.",
    ),
    rule(
        "weights_mismatch",
        r"start \(\d+\) \+ length \((?P<asked>\d+)\) exceeds dimension size \((?P<have>\d+)\)|"
        r"Attempted to load weight \(.*\) into parameter|"
        r"The size of tensor a \(\d+\) must match the size of tensor b|size mismatch for ",
        "The weights have other shapes than config.json says ({asked} where the file has {have}). "
        "Weights and config.json are of different models or versions. Download the model again.",
    ),
    rule(
        "tokenizer_invalid",
        r"JSONDecodeError: (?P<why>.*)|data did not match any variant of untagged enum",
        "The model's tokenizer file is damaged ({why}). Download the model again.",
        applies=_reads_tokenizer,
    ),
    rule(
        "config_invalid",
        r"It looks like the config file at '(?P<file>[^']*)' is not a valid JSON file",
        "{file} is no valid JSON. Download the model again, or mend the file.",
    ),
    rule(
        "tokenizer_missing",
        r"Couldn't instantiate the backend tokenizer|Can't load tokenizer for|"
        r"(?:tokenizer|tokenizer\.model) not found at",
        "The model's tokenizer is missing or of a kind that is not installed: its folder holds no "
        "tokenizer.json that can be read. Download the model again, or name another with "
        "`tokenizer`.",
    ),
    rule(
        "chat_template_missing",
        r"supplied chat template.*?\((?P<file>[^)]*)\) (?:appears path-like|looks like a file "
        r"path)",
        "There is no chat template {file} on this node. Correct the path, or take chat_template "
        "out: the model may bring its own.",
        suggest=_without("chat_template"),
    ),
    rule(
        "chat_template_missing",
        r"default chat template is no longer allowed|does not define a chat template|"
        r"No chat template (?:is set|available)",
        "The model has no chat template, so it can't chat. Set chat_template, or use completions.",
    ),
    rule(
        "unsupported_model",
        r"Model architectures (?P<name>\[.*?\]) (are not supported|failed to be inspected)",
        "This engine does not know the model's architecture {name}. Choose another model, or a "
        "newer engine.",
    ),
    rule(
        "code_refused",
        r"contains custom code which must be executed|consider setting `trust_remote_code=True`|"
        r"requires you to execute the \w+ file in that repo",
        "The model needs code of its own to run, which is refused. Choose a model that the engine "
        "supports by itself, or let an administrator allow it for this commit.",
    ),
    rule(
        "unsupported_model",
        r"has model type `(?P<name>[^`]*)` but Transformers does not recognize",
        "This engine does not know the model's type {name}. Choose another model, or a newer "
        "engine.",
    ),
    rule(
        "quantization_mismatch",
        r"Quantization method specified in the model config \((?P<have>\w+)\) does not match.*?"
        r"argument \((?P<asked>\w+)\)",
        "The model is quantized with {have}, and {asked} was asked for. Take quantization out: "
        "the engine finds the method by itself.",
        suggest=_without("quantization"),
    ),
    rule(
        "quantization_missing",
        r"Cannot find the config file for (?P<asked>\w+)",
        "The quantization {asked} was asked for, but this model has none of it. Take it out, or "
        "choose a model that was quantized with {asked}.",
        suggest=_without("quantization"),
    ),
    rule(
        "quantization_unsupported",
        r"(?P<method>\w+) quantization is currently not supported in (?P<where>\w+)|"
        r"quantization method '?(?P<old>[\w-]+)'? (?:is not supported|is deprecated)|"
        r"The quantization method %s is deprecated.*?', '(?P<given>\w+)'|"
        r"Unknown quantization method: (?P<unknown>[\w-]+)",
        "This engine can't use the quantization {method}{old}{given}{unknown} here. Choose the "
        "model in another quantization.",
        suggest=_without("quantization"),
    ),
    rule(
        "dtype_unsupported",
        r"module 'torch' has no attribute '(?P<dtype>\w+)'|Unknown dtype: (?P<other>.*)|"
        r"does not support (?P<half>float16)",
        "The numbers' type {dtype}{other}{half} can't be used for this model. Set dtype to auto or "
        "bfloat16, or mend config.json.",
        suggest=_without("dtype"),
    ),
    rule(
        "wrong_task",
        r"This model does not support `--runner (?P<runner>\w+)`",
        "The model is of another kind: it can't do “{runner}”. Take runner out, so that the engine "
        "chooses, or take another model.",
        suggest=_without("runner", "convert"),
    ),
    rule(
        "lora_rank_too_high",
        r"LoRA rank (?P<rank>\d+) is greater than max_lora_rank (?P<most>\d+)",
        "An adapter has rank {rank}, and the engine takes at most {most}. Raise max_lora_rank.",
        suggest=_higher_rank,
    ),
    rule(
        "lora_missing",
        r"Loading lora (?P<name>\S+) failed: No adapter found for (?P<path>\S+?)'?(?:,|$)",
        "There is no adapter {name} at {path} on this node. Correct its path, or put it there.",
    ),
    rule(
        "lora_mismatch",
        r"(?P<name>\S+) is unsupported LoRA weight|expected target modules in|"
        r"doesn't contain tensors|Adapter bias is not supported",
        "An adapter does not fit this model: it was made for another base model, or holds what the "
        "engine can't use ({name}). Choose an adapter for this model.",
    ),
    rule(
        "lora_unsupported",
        r"(?P<model>\w+) does not support LoRA yet|Model .* is not supported for LoRA",
        "The engine can't use adapters with this model ({model}). Take the adapters out.",
        suggest=_without("enable_lora"),
    ),
    rule(
        "model_not_found",
        r"Invalid repository ID or local directory|does not appear to have a file named "
        r"(?P<file>\S+)|"
        r"Cannot find any (?:model )?weights|Can't load the configuration of",
        "The model's folder lacks what the engine needs ({file}). Check the path, or download the "
        "model again.",
        standing="general",
    ),
)
