"""The four ways in which vLLM's API hands out generated tokens, whole or as a stream."""

from collections.abc import Iterator
from typing import Any, Protocol

from vllm_manager_engine.fake.texts import count_tokens, event, now, text, usage, word

Body = dict[str, Any]


class Dialect(Protocol):
    """How one route speaks. `tokens` is how many are generated."""

    def prompt_tokens(self, body: Body) -> int: ...

    def whole(self, body: Body, id: str, tokens: int) -> Body: ...

    def stream(self, body: Body, id: str, tokens: int) -> Iterator[bytes]:
        """Yield what comes before the first token, then one piece per token, then the rest."""
        ...


class Completions:
    """`/v1/completions` and `/v1/chat/completions`."""

    def __init__(self, chat: bool) -> None:
        self._chat = chat
        self._prefix = "chatcmpl-" if chat else "cmpl-"
        self._kind = "chat.completion" if chat else "text_completion"

    def prompt_tokens(self, body: Body) -> int:
        return count_tokens(body.get("messages" if self._chat else "prompt"))

    def whole(self, body: Body, id: str, tokens: int) -> Body:
        answer = text(tokens)
        said = (
            {"message": {"role": "assistant", "content": answer}}
            if self._chat
            else {"text": answer}
        )
        choice = {"index": 0, **said, "logprobs": None, "finish_reason": "length"}
        return {
            **self._head(body, id, self._kind),
            "choices": [choice],
            "usage": usage(self.prompt_tokens(body), tokens),
        }

    def stream(self, body: Body, id: str, tokens: int) -> Iterator[bytes]:
        options: Body = body.get("stream_options") or {}
        always = bool(options.get("continuous_usage_stats"))
        prompt = self.prompt_tokens(body)
        head = self._head(body, id, "chat.completion.chunk" if self._chat else "text_completion")

        def chunk(choices: list[Body], done: int, with_usage: bool) -> bytes:
            counted = {"usage": usage(prompt, done)} if with_usage else {}
            return event({**head, "choices": choices, **counted})

        yield chunk([self._delta("")], 0, always) if self._chat else b""
        for index in range(tokens):
            finish = None if self._chat or index + 1 < tokens else "length"
            yield chunk([self._delta(word(index), finish)], index + 1, always)
        end = [chunk([self._delta(None, "length")], tokens, always)] if self._chat else []
        if options.get("include_usage"):
            end.append(chunk([], tokens, True))
        yield b"".join([*end, event("[DONE]")])

    def _head(self, body: Body, id: str, kind: str) -> Body:
        return {
            "id": self._prefix + id, "object": kind, "created": now(), "model": body.get("model"),
        }  # fmt: skip

    def _delta(self, said: str | None, finish: str | None = None) -> Body:
        rest = {"logprobs": None, "finish_reason": finish}
        if not self._chat:
            return {"index": 0, "text": said, **rest}
        if said is None:
            return {"index": 0, "delta": {}, **rest}
        role = {"role": "assistant"} if said == "" else {}
        return {"index": 0, "delta": {**role, "content": said}, **rest}


class Responses:
    """`/v1/responses`."""

    def prompt_tokens(self, body: Body) -> int:
        return count_tokens(body.get("input"))

    def whole(self, body: Body, id: str, tokens: int) -> Body:
        prompt = self.prompt_tokens(body)
        content: Body = {"type": "output_text", "text": text(tokens), "annotations": []}
        return {
            "id": f"resp_{id}", "object": "response", "created_at": now(),
            "model": body.get("model"), "status": "completed",
            "output": [{"type": "message", "id": f"msg_{id}", "role": "assistant",
                        "status": "completed", "content": [content]}],
            "usage": {"input_tokens": prompt, "output_tokens": tokens,
                      "total_tokens": prompt + tokens},
        }  # fmt: skip

    def stream(self, body: Body, id: str, tokens: int) -> Iterator[bytes]:
        created = self.whole(body, id, 0) | {"status": "in_progress", "usage": None}
        yield _named("response.created", response=created)
        for index in range(tokens):
            place = {"item_id": f"msg_{id}", "output_index": 0, "content_index": 0}
            yield _named("response.output_text.delta", **place, delta=word(index))
        yield _named("response.completed", response=self.whole(body, id, tokens))


class Messages:
    """`/v1/messages`, Anthropic's dialect."""

    def prompt_tokens(self, body: Body) -> int:
        return count_tokens(body.get("messages"))

    def whole(self, body: Body, id: str, tokens: int) -> Body:
        return {
            "id": f"msg_{id}", "type": "message", "role": "assistant", "model": body.get("model"),
            "content": [{"type": "text", "text": text(tokens)}] if tokens else [],
            "stop_reason": "max_tokens" if tokens else None,
            "usage": {"input_tokens": self.prompt_tokens(body), "output_tokens": tokens},
        }  # fmt: skip

    def stream(self, body: Body, id: str, tokens: int) -> Iterator[bytes]:
        block = {"type": "text", "text": ""}
        yield _named("message_start", message=self.whole(body, id, 0)) + _named(
            "content_block_start", index=0, content_block=block
        )
        for index in range(tokens):
            delta = {"type": "text_delta", "text": word(index)}
            yield _named("content_block_delta", index=0, delta=delta)
        last = {"delta": {"stop_reason": "max_tokens"}, "usage": {"output_tokens": tokens}}
        yield _named("content_block_stop", index=0) + _named("message_delta", **last)
        yield _named("message_stop")


def _named(kind: str, **members: Any) -> bytes:
    return event({"type": kind, **members}, kind)


DIALECTS: dict[str, Dialect] = {
    "/v1/completions": Completions(chat=False),
    "/v1/chat/completions": Completions(chat=True),
    "/v1/responses": Responses(),
    "/v1/messages": Messages(),
}
