"""Trains the built-in demo model from nothing, on one core, and writes it where the engine is."""

import argparse
import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from check import report
from conversations import Topic, Writer, encode, encode_plain, load_topics, load_variations
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM

SEED = 8800
VOCABULARY = 1024
CONTEXT_TOKENS = 2048
SPECIAL_TOKENS = ["<s>", "</s>", "<|system|>", "<|user|>", "<|assistant|>"]
OUTPUT = Path(__file__).parents[1] / "src" / "vllm_manager_engine" / "demo"
# A role that is none of ours counts as a system message: it is read, and changes no answer.
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{% set role = message.role if message.role in ['user', 'assistant'] else 'system' %}"
    "{{ '<|' + role + '|>' + (message.content or '') | trim + eos_token }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)

Encoded = tuple[list[int], list[bool]]


def train_tokenizer(topics: list[Topic], writer: Writer) -> Tokenizer:
    """Return a byte-level BPE tokenizer of `VOCABULARY` tokens, made from this text alone."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    questions = [writer.turn()[0] for _ in range(2000)]
    tokenizer.train_from_iterator(
        [*questions, *(t.answer for t in topics for _ in range(40))], trainer
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 0)]
    )
    return tokenizer


def new_model(dtype: str = "bfloat16") -> LlamaForCausalLM:
    """Return an untrained model; its config names the type that the weights are saved in."""
    torch.manual_seed(SEED)
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=256,
        intermediate_size=512,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT_TOKENS,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
        dtype=dtype,
    )
    return LlamaForCausalLM(config).float()


def batch(rows: list[Encoded]) -> tuple[torch.Tensor, torch.Tensor]:
    """Return padded ids and labels; -100 marks what the model need not predict."""
    longest = max(len(ids) for ids, _ in rows)
    ids = torch.full((len(rows), longest), 1)
    labels = torch.full((len(rows), longest), -100)
    for row, (tokens, wanted) in enumerate(rows):
        ids[row, : len(tokens)] = torch.tensor(tokens)
        picked = [t if said else -100 for t, said in zip(tokens, wanted, strict=True)]
        labels[row, : len(tokens)] = torch.tensor(picked)
    return ids, labels


def draw(writer: Writer, tokenizer: Tokenizer, step: int) -> list[Encoded]:
    """Return one step's rows, about 2,000 tokens: short, medium or, now and then, long."""
    if step % 8 == 7:
        ids, wanted = encode(tokenizer, writer.conversation(turns=40))
        return [(ids[:CONTEXT_TOKENS], wanted[:CONTEXT_TOKENS])]
    if step % 2:
        return [encode(tokenizer, writer.conversation(turns=6)) for _ in range(5)]
    rows = [encode(tokenizer, writer.conversation(turns=1)) for _ in range(26)]
    return rows + [encode_plain(tokenizer, *writer.turn()) for _ in range(6)]


def learning_rate(progress: float, peak: float) -> float:
    """Return the rate at `progress` (0 to 1): 3 % of warm-up, then a cosine down to 1 % of peak."""
    if progress < 0.03:
        return peak * progress / 0.03
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (progress - 0.03) / 0.97)))


def fit(
    model: LlamaForCausalLM, rows: Callable[[int], list[Encoded]], steps: int, peak: float
) -> None:
    """Train in place for `steps` batches."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.98))
    began, seen_tokens = time.monotonic(), 0
    for step in range(steps):
        ids, labels = batch(rows(step))
        for group in optimizer.param_groups:
            group["lr"] = learning_rate((step + 1) / steps, peak)
        logits = model(input_ids=ids).logits[:, :-1]
        loss = cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        seen_tokens += ids.numel()
        if step % 50 == 0 or step == steps - 1:
            elapsed = time.monotonic() - began
            print(
                f"step {step} loss {loss.item():.5f} tokens {seen_tokens} {elapsed:.0f} s",
                flush=True,
            )


def save(model: LlamaForCausalLM, tokenizer: Tokenizer, folder: Path) -> None:
    """Write the model as vLLM, transformers and MLX read it."""
    folder.mkdir(parents=True, exist_ok=True)
    model.to(torch.bfloat16).save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    _write(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": "<s>",
            "eos_token": "</s>",
            "pad_token": "</s>",
            "model_max_length": CONTEXT_TOKENS,
            "clean_up_tokenization_spaces": False,
            "chat_template": CHAT_TEMPLATE,
        },
    )
    _write(
        folder / "generation_config.json",
        {
            "bos_token_id": 0,
            "eos_token_id": 1,
            "pad_token_id": 1,
            "do_sample": False,
            "temperature": 0.0,
        },
    )


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--steps", type=int, default=1300)
    parser.add_argument("--peak", type=float, default=3e-3, help="highest learning rate")
    options = parser.parse_args()
    torch.set_num_threads(1)
    topics = load_topics()
    writer = Writer(topics, load_variations(), SEED)
    tokenizer = train_tokenizer(topics, writer)
    model = new_model()
    print(f"{model.num_parameters():,} parameters, {tokenizer.get_vocab_size()} tokens")
    fit(model, lambda step: draw(writer, tokenizer, step), options.steps, options.peak)
    save(model, tokenizer, options.output)
    report(options.output)


if __name__ == "__main__":
    main()
