"""The text of the demo model: the listed questions, and the conversations drawn from them."""

import json
import random
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
UNKNOWN = "unknown"
SPELLINGS = ("vllm manager", "vLLM manager", "VLLM Manager", "vllm-manager", "VLLM manager")


@dataclass(frozen=True)
class Topic:
    """One answer and the wordings that ask for it; `unseen` ones are never trained on."""

    id: str
    question: str
    also: list[str]
    unseen: list[str]
    answer: str

    @property
    def wordings(self) -> list[str]:
        return [self.question, *self.also]


def load_topics(path: Path = HERE / "questions.jsonl") -> list[Topic]:
    """Return every topic, in the order of the file."""
    return [Topic(**json.loads(line)) for line in path.read_text().splitlines()]


@dataclass(frozen=True)
class Variations:
    """Word lists from which other wordings and unrelated questions are made."""

    templates: list[str]
    subjects: list[str]
    system_prompts: list[str]
    before: list[str]
    after: list[str]
    swaps: dict[str, list[str]]


def load_variations(path: Path = HERE / "variations.json") -> Variations:
    """Return the word lists of the file."""
    return Variations(**json.loads(path.read_text()))


class Writer:
    """Draws conversations at random, always the same ones for the same seed."""

    def __init__(self, topics: list[Topic], variations: Variations, seed: int) -> None:
        self._topics = topics
        self._variations = variations
        self._random = random.Random(seed)
        # Unrelated questions are the largest class a person can ask about, so drawn more often.
        self._weights = [6 if topic.id == UNKNOWN else 1 for topic in topics]

    def turn(self) -> tuple[str, str]:
        """Return a question and its answer."""
        topic = self._random.choices(self._topics, self._weights)[0]
        if topic.id == UNKNOWN and self._random.random() < 0.5:
            return self._reword(self._unrelated()), topic.answer
        # The listed wording is what tests and people copy, so it is drawn more often too.
        question = topic.question
        if self._random.random() < 0.75:
            question = self._random.choice(topic.wordings)
        if self._random.random() < 0.5:
            question = self._reword(question)
        return question, topic.answer

    def conversation(self, turns: int) -> list[dict[str, str]]:
        """Return chat messages: sometimes a system prompt, then `turns` questions with answers."""
        messages: list[dict[str, str]] = []
        if self._random.random() < 0.3:
            content = self._random.choice(self._variations.system_prompts)
            messages.append({"role": "system", "content": content})
        for _ in range(turns):
            question, answer = self.turn()
            messages.append({"role": "user", "content": question})
            messages.append({"role": "assistant", "content": answer})
        return messages

    def _unrelated(self) -> str:
        template = self._random.choice(self._variations.templates)
        question = template.format(x=self._subject(), y=self._subject())
        return question[0].upper() + question[1:]

    def _subject(self) -> str:
        if self._random.random() < 0.7:
            return self._random.choice(self._variations.subjects)
        length = self._random.randint(2, 9)
        word = "".join(self._random.choices(string.ascii_lowercase, k=length))
        return self._random.choice([word, f"a {word}", word.capitalize(), f"the {word}"])

    def _reword(self, question: str) -> str:
        """Return `question` as another person might type it."""
        chance = self._random.random
        if chance() < 0.3:
            question = question.replace("vLLM Manager", self._random.choice(SPELLINGS))
        if chance() < 0.4:
            question = self._rephrased(question)
        if chance() < 0.15:
            question = self._random.choice(self._variations.before) + _uncapitalised(question)
        elif chance() < 0.1:
            question += self._random.choice(self._variations.after)
        if chance() < 0.3:
            question = question.rstrip("?.! ")
        if chance() < 0.3:
            question = question.lower()
        elif chance() < 0.03:
            question = question.upper()
        if chance() < 0.15:
            question = self._mistyped(question)
        return question

    def _rephrased(self, question: str) -> str:
        for opening, others in self._variations.swaps.items():
            if question.startswith(opening):
                return self._random.choice(others) + question.removeprefix(opening)
        return question

    def _mistyped(self, text: str) -> str:
        at = self._random.randrange(len(text))
        kind = self._random.choice(["lost", "doubled", "swapped"])
        if kind == "lost" and len(text) > 4:
            return text[:at] + text[at + 1 :]
        if kind == "doubled":
            return text[:at] + text[at] + text[at:]
        return text[:at] + text[at : at + 2][::-1] + text[at + 2 :]


def _uncapitalised(question: str) -> str:
    """Lower the first letter unless the first word is a name (a second capital follows)."""
    first_word = question.split(" ", 1)[0]
    plain = first_word[1:].lower() == first_word[1:]
    return question[0].lower() + question[1:] if plain else question


def encode(tokenizer: Any, messages: list[dict[str, str]]) -> tuple[list[int], list[bool]]:
    """Return token ids and, for each, whether the model must have predicted it.

    The layout is the one of the chat template; `check.py` holds the two together.
    """
    ids, wanted = [tokenizer.token_to_id("<s>")], [False]
    end = tokenizer.token_to_id("</s>")
    for message in messages:
        content = tokenizer.encode(message["content"].strip(), add_special_tokens=False).ids
        ids += [tokenizer.token_to_id(f"<|{message['role']}|>"), *content, end]
        said = message["role"] == "assistant"
        wanted += [False] + [said] * (len(content) + 1)
    return ids, wanted


def encode_plain(tokenizer: Any, question: str, answer: str) -> tuple[list[int], list[bool]]:
    """Return ids and targets for `/v1/completions`: the question, a line break, the answer."""
    asked = tokenizer.encode(question.strip(), add_special_tokens=False).ids
    said = tokenizer.encode(f"\n{answer}", add_special_tokens=False).ids
    ids = [tokenizer.token_to_id("<s>"), *asked, *said, tokenizer.token_to_id("</s>")]
    return ids, [False] * (1 + len(asked)) + [True] * (len(said) + 1)
