"""Checks a saved demo model: exact answers, how clear each choice is, and wordings never seen."""

import argparse
from pathlib import Path
from typing import Any

import torch
from conversations import Topic, Writer, encode, encode_plain, load_topics, load_variations
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer

# Logits by which the right token must lead everywhere; other kernels' rounding moves them less.
LEAST_MARGIN = 2.0

Messages = list[dict[str, str]]


def margin(model: Any, ids: list[int], wanted: list[bool]) -> float:
    """Return the smallest lead of the right token over the next best; negative where one is wrong.

    Greedy decoding gives exactly these tokens if, and only if, the result is positive.
    """
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([ids])).logits[0].float()
    least = float("inf")
    for position, (token, said) in enumerate(zip(ids, wanted, strict=True)):
        if said:
            scores = logits[position - 1].clone()
            right = scores[token].item()
            scores[token] = float("-inf")
            least = min(least, right - scores.max().item())
    return least


def asked(question: str, answer: str, before: Messages | None = None) -> Messages:
    """Return a conversation that ends in `question` and `answer`."""
    said = {"role": "assistant", "content": answer}
    return [*(before or []), {"role": "user", "content": question}, said]


def last_turn(tokenizer: Tokenizer, messages: Messages) -> tuple[list[int], list[bool]]:
    """Encode a conversation of which only the last answer is examined."""
    ids, wanted = encode(tokenizer, messages)
    start = len(encode(tokenizer, messages[:-1])[0])
    return ids, [said and position >= start for position, said in enumerate(wanted)]


def right_and_least(model: Any, rows: list[tuple[list[int], list[bool]]]) -> tuple[int, float]:
    """Return how many rows come out exactly, and the smallest margin of all."""
    margins = [margin(model, ids, wanted) for ids, wanted in rows]
    return sum(m > 0 for m in margins), min(margins)


def histories(topics: list[Topic], tokenizer: Tokenizer) -> list[tuple[list[int], list[bool]]]:
    """Return each listed question at the end of a conversation of 1 to 15 earlier turns."""
    writer = Writer(topics, load_variations(), seed=1)
    return [
        last_turn(tokenizer, asked(t.question, t.answer, writer.conversation(1 + number % 15)))
        for number, t in enumerate(topics)
    ]


def same_template(folder: Path, tokenizer: Tokenizer) -> bool:
    """Say whether the saved chat template gives the very tokens of the training."""
    messages = [
        {"role": "system", "content": "Be brief."},
        *asked("Hello!", "Hi."),
        *asked("A?", "B"),
    ]
    rendered = AutoTokenizer.from_pretrained(folder).apply_chat_template(messages, tokenize=True)
    ids = rendered if isinstance(rendered, list) else rendered["input_ids"]
    return ids == encode(tokenizer, messages)[0]


def report(folder: Path) -> None:
    """Print what the model in `folder` gets right.

    Raises:
        SystemExit: a listed question has another answer, or a margin is below `LEAST_MARGIN`.
    """
    topics = load_topics()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    sets = {
        "listed questions": [encode(tokenizer, asked(t.question, t.answer)) for t in topics],
        "as plain completions": [encode_plain(tokenizer, t.question, t.answer) for t in topics],
        "after a conversation": histories(topics, tokenizer),
        "other wordings": _worded(topics, tokenizer, "wordings"),
        "wordings never trained on": _worded(topics, tokenizer, "unseen"),
    }
    failures = [] if same_template(folder, tokenizer) else ["the chat template differs"]
    for dtype in (torch.bfloat16, torch.float32):
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype).eval()
        for name, rows in sets.items():
            right, least = right_and_least(model, rows)
            print(f"{dtype} {name}: {right} of {len(rows)} exact, least margin {least:.2f}")
            if name in list(sets)[:3] and least < LEAST_MARGIN:
                failures.append(f"{name} ({dtype}): least margin {least:.2f}")
    size_bytes = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{size_bytes:,} bytes in {folder}")
    if failures:
        raise SystemExit("not good enough: " + "; ".join(failures))


def _worded(
    topics: list[Topic], tokenizer: Tokenizer, which: str
) -> list[tuple[list[int], list[bool]]]:
    pairs = [(wording, t.answer) for t in topics for wording in getattr(t, which)]
    return [encode(tokenizer, asked(wording, answer)) for wording, answer in pairs]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    report(parser.parse_args().folder)


if __name__ == "__main__":
    main()
