"""The catalog: finds models, tells what is known of one, and says how old that is."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from vllm_manager.catalog import reading
from vllm_manager.catalog.architectures import Architectures
from vllm_manager.catalog.facts import FactFinder
from vllm_manager.catalog.findings import findings
from vllm_manager.catalog.hub import Hub
from vllm_manager.catalog.names import check_model_id, check_revision
from vllm_manager.catalog.queries import SearchQuery, hub_query, matching
from vllm_manager.catalog.reading import HubModel
from vllm_manager.catalog.schemas import (
    Listing,
    ModelCard,
    ModelDetails,
    ModelFacts,
    ModelPage,
    Source,
)
from vllm_manager.catalog.shelf import Json, Kept, Shelf, key_of
from vllm_manager.catalog.shipped import shipped
from vllm_manager.catalog.tokens import Tokens
from vllm_manager.catalog.weights import weight_files, weight_format
from vllm_manager.kit.clock import Clock
from vllm_manager.kit.errors import Problem
from vllm_manager.kit.paging import decode_cursor, encode_cursor

_POPULAR: Final = SearchQuery(task="text-generation", sort="trending", limit=50)
_POPULAR_KEY: Final = key_of("popular")
_POPULAR_KEPT_SECONDS: Final = 3600.0
_LONGEST_CARD_BYTES: Final = 256 << 10
_AWAY_SECONDS: Final = 15.0
_AWAY: Final = frozenset(
    {
        "hub_unreachable",
        "hub_unavailable",
        "hub_rate_limited",
        "hub_senseless",
        "hub_address_refused",
    }
)
"""Refusals that are about the hub, not about what was asked: what was kept answers instead."""
_AWAY_FOR_ALL: Final = frozenset({"hub_unreachable", "hub_unavailable", "hub_rate_limited"})
"""Of these, those that can't be one model's doing: the hub is left alone for a moment."""
_CLOSED: Final = frozenset({"hub_gated", "hub_token_refused", "hub_forbidden"})


@dataclass(frozen=True, slots=True)
class _Told:
    """An answer, where it comes from, and why the hub was not asked."""

    body: Json
    source: Source
    kept: Kept
    problem: Problem | None


class Catalog:
    """Answers from the hub; from what it said before where it is away; from a shipped list."""

    def __init__(
        self,
        hub: Hub,
        tokens: Tokens,
        shelf: Shelf,
        finder: FactFinder,
        architectures: Architectures,
        clock: Clock,
    ) -> None:
        self.tokens = tokens
        self._hub = hub
        self._shelf = shelf
        self._finder = finder
        self._architectures = architectures
        self._clock = clock
        self._popular = asyncio.Lock()
        self._recent: tuple[datetime, frozenset[str] | None, ModelPage] | None = None
        self._away: tuple[float, Problem] | None = None

    @property
    def endpoint(self) -> str:
        """The hub's address, without a slash at the end."""
        return self._hub.endpoint

    async def token_of(self, user_id: str | None) -> str | None:
        """Return the token in force for a user: their own, else the installation's, else None."""
        return await self.tokens.in_force(user_id)

    async def search(self, query: SearchQuery, user_id: str | None) -> ModelPage:
        """Return models that fit, one page.

        Raises:
            Problem: the cursor is none of ours, or the hub refuses the token.
        """
        token = await self.token_of(user_id)
        wanted = hub_query(query, decode_cursor(query.cursor))
        key = key_of("search", sorted(wanted.items()), token=token)
        return await self._page(key, wanted, token, query)

    async def popular(self, limit: int) -> ModelPage:
        """Return what is trending, asked anew when it is older than an hour."""
        page = await self._recent_popular()
        if page is None:
            async with self._popular:  # many open the page at once; the hub is asked once
                page = await self._recent_popular() or await self._page(
                    _POPULAR_KEY, hub_query(_POPULAR, None), None, _POPULAR
                )
        return page.model_copy(update={"items": page.items[:limit], "next_cursor": None})

    async def _recent_popular(self) -> ModelPage | None:
        kept = await self._shelf.get(_POPULAR_KEY)
        if kept is None or self._shelf.age_seconds(kept) > _POPULAR_KEPT_SECONDS:
            return None
        told, known = _Told(kept.body, "cache", kept, None), self._architectures.known()
        if self._recent is None or self._recent[:2] != (kept.fetched_at, known):
            self._recent = (kept.fetched_at, known, self._to_page(told))
        return self._recent[2].model_copy(update=self._freshness(told))

    async def model(self, repo: str, revision: str | None, user_id: str | None) -> ModelDetails:
        """Return what is known of a model at a revision, and what keeps it from being served.

        Raises:
            Problem: there is no such model or revision, or nobody can say.
        """
        name, wanted = check_model_id(repo), check_revision(revision or "main")
        token = await self.token_of(user_id)

        async def ask() -> Json:
            return (await self._details(name, wanted, token)).model_dump(mode="json")

        told = await self._ask(key_of("model", name, wanted, token=token), ask)
        return ModelDetails.model_validate({**told.body, **self._freshness(told)})

    async def card(self, repo: str, revision: str | None, user_id: str | None) -> ModelCard:
        """Return what its makers say of a model.

        Raises:
            Problem: there is no card, or it can't be had now.
        """
        name, wanted = check_model_id(repo), check_revision(revision or "main")
        token = await self.token_of(user_id)
        limit = _LONGEST_CARD_BYTES + 1

        async def ask() -> Json:
            data = await self._hub.file(name, wanted, "README.md", token, limit)
            return {"text": data.decode(errors="replace"), "bytes": len(data)}

        told = await self._ask(key_of("card", name, wanted, token=token), ask)
        text = _without_metadata(str(told.body["text"]))
        is_cut = int(told.body["bytes"]) > _LONGEST_CARD_BYTES
        return ModelCard(repo=name, revision=wanted, text=text, truncated=is_cut)

    async def files(self, repo: str, revision: str, token: str | None) -> Listing:
        """Return every file of the commit that a revision means now.

        Raises:
            Problem: there is no such model or revision, or the hub can't be asked.
        """
        return await self._finder.list_files(check_model_id(repo), check_revision(revision), token)

    async def facts(
        self, model: str, revision: str | None, user_id: str | None = None
    ) -> ModelFacts:
        """Return the facts of `demo`, of a folder (an absolute path) or of a Hub id.

        Raises:
            Problem: there is no such model, its files are unsound, or it can't be read now.
        """
        token = await self.token_of(user_id)
        return await self._finder.find(model, revision, token)

    async def forget_old(self) -> None:
        await self._shelf.forget_old()

    async def close(self) -> None:
        await self._hub.close()
        await self._shelf.close()

    async def _page(
        self, key: str, wanted: dict[str, Any], token: str | None, query: SearchQuery
    ) -> ModelPage:
        async def ask() -> Json:
            page = await self._hub.search(wanted, token)
            return {"items": list(page.items), "cursor": page.cursor}

        try:
            return self._to_page(await self._ask(key, ask))
        except Problem as problem:
            if problem.code not in _AWAY:
                raise
            found = matching(shipped(self._architectures.known()), query)
            return ModelPage(
                items=list(found),
                source="shipped",
                fetched_at=None,
                age_seconds=None,
                problem=problem.details,
            )

    def _to_page(self, told: _Told) -> ModelPage:
        known = self._architectures.known()
        items: Sequence[Json] = told.body["items"]
        cursor: str | None = told.body["cursor"]
        return ModelPage.model_validate(
            {
                "items": reading.summaries(list(items), known),
                "next_cursor": encode_cursor(cursor) if cursor else None,
                **self._freshness(told),
            }
        )

    async def _ask(self, key: str, ask: Callable[[], Awaitable[Json]]) -> _Told:
        """Ask the hub; where it is away, return what it said before.

        Raises:
            Problem: it refuses, or is away and has never said anything on this.
        """
        try:
            self._refuse_if_away()
            body = await ask()
        except Problem as problem:
            if problem.code not in _AWAY:
                raise
            self._note_away(problem)
            kept = await self._shelf.get(key)
            if kept is None:
                raise
            return _Told(kept.body, "cache", kept, problem)
        self._away = None
        return _Told(body, "hub", self._shelf.put(key, body), None)

    def _refuse_if_away(self) -> None:
        """Answer at once where the hub could not be reached a moment ago: people are waiting."""
        if self._away is not None and self._clock.monotonic() < self._away[0]:
            raise self._away[1]

    def _note_away(self, problem: Problem) -> None:
        if problem.code not in _AWAY_FOR_ALL:
            return
        if self._away is None or self._clock.monotonic() >= self._away[0]:
            self._away = (self._clock.monotonic() + _AWAY_SECONDS, problem)

    def _freshness(self, told: _Told) -> dict[str, Any]:
        return {
            "source": told.source,
            "fetched_at": told.kept.fetched_at,
            "age_seconds": 0.0 if told.source == "hub" else self._shelf.age_seconds(told.kept),
            "problem": told.problem.details if told.problem else None,
        }

    async def _details(self, repo: str, revision: str, token: str | None) -> ModelDetails:
        model = reading.read_model(await self._hub.model(repo, revision, token))
        listed = reading.files(model.siblings)
        sizes = {file.path: file.size_bytes for file in listed}
        config, refused = await self._config(model, sizes, token)
        known = self._architectures.known()
        shown = config if config is not None else model.config
        about = model if config is None else model.model_copy(update={"config": config})
        loaded = weight_files(sizes)
        return ModelDetails(
            source="hub",
            fetched_at=self._clock.now(),
            age_seconds=0.0,
            model=reading.summary(about, known),
            revision=revision,
            commit=model.sha or revision,
            url=f"{self.endpoint}/{repo}",
            config=config,
            context_tokens=reading.context_tokens(config or {}),
            weight_format=weight_format(list(sizes)),
            weights_bytes=sum(sizes[name] for name in loaded) if loaded else None,
            files_count=len(sizes),
            files_bytes=sum(sizes.values()),
            dtypes=model.safetensors.parameters if model.safetensors else None,
            findings=findings(
                repo, list(sizes), shown, known, reading.gate_of(model.gated), refused
            ),
        )

    async def _config(
        self, model: HubModel, sizes: dict[str, int], token: str | None
    ) -> tuple[Json | None, Problem | None]:
        """Return config.json; where the hub gives no file of it out, None and why."""
        if "config.json" not in sizes:
            return None, None
        try:
            return await self._finder.config(model.id, model.sha or "main", token), None
        except Problem as problem:
            if problem.code not in _CLOSED:
                raise
            return None, problem


def _without_metadata(text: str) -> str:
    """Return a card without the YAML at its head, cut to what is shown."""
    if text.startswith("---\n"):
        _, found, rest = text[4:].partition("\n---\n")
        text = rest if found else text
    return text.encode()[:_LONGEST_CARD_BYTES].decode(errors="ignore").lstrip("\n")
