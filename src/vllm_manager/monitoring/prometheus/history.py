"""Long ranges, read from a Prometheus that scrapes this server."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self, cast

import httpx

from vllm_manager.kit.clock import Clock
from vllm_manager.monitoring.prometheus import expressions
from vllm_manager.monitoring.samples import HistoryUnavailableError, Labels, Line, Question
from vllm_manager.monitoring.samples.schemas import Source
from vllm_manager.settings import Settings

_WITHIN_SECONDS = 10.0
_CONNECT_SECONDS = 2.0
_AWAY_SECONDS = 30.0
"""So long nobody waits for one that did not answer."""

Values = list[float | None]


class PrometheusHistory:
    """Asks one Prometheus over its HTTP API.

    `token_file` is read on each call, so that a token may be replaced.
    """

    source: Source = "prometheus"

    def __init__(self, url: str, clock: Clock, token_file: Path | None, selector: str = "") -> None:
        self._url = url.rstrip("/")
        self._clock = clock
        self._token_file = token_file
        self._selector = selector
        self._away: tuple[float, str] | None = None
        """Until when it is not asked again, in monotonic seconds, and why."""
        self._client = httpx.AsyncClient(
            base_url=f"{self._url}/api/v1/",
            timeout=httpx.Timeout(_WITHIN_SECONDS, connect=_CONNECT_SECONDS),
            trust_env=False,
            verify=self._url.startswith("https:"),  # reading certificates takes 25 ms of each start
        )

    @classmethod
    def of(cls, settings: Settings, clock: Clock) -> Self | None:
        """Return the Prometheus of the settings, or None where there is none."""
        if not settings.prometheus_url:
            return None
        selector = settings.prometheus_selector or ""
        return cls(settings.prometheus_url, clock, settings.prometheus_token_path, selector)

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def query(self, question: Question) -> Sequence[Line]:
        """Return the lines of `question`; see the port.

        Raises:
            HistoryUnavailableError: this Prometheus does not answer, or not with figures.
        """
        selector = self._selector
        values = await self._range(question, expressions.value(question, selector))
        peaks = expressions.highest(question, selector)
        highest: Mapping[Labels, Values] = await self._range(question, peaks) if peaks else {}
        newest = await self._instant(question, expressions.newest(question, selector))
        return [
            Line(
                labels,
                line,
                highest.get(labels),
                newest.get(labels) or _last_known(question, line),
            )
            for labels, line in sorted(values.items())
            if any(value is not None for value in line)
        ]

    async def _range(self, question: Question, expression: str) -> Mapping[Labels, Values]:
        """Return a value for each step: what the expression is at its end."""
        parameters = {
            "query": expression,
            "start": question.start + question.step,
            "end": question.end,
            "step": question.step,
        }
        found = await self._ask("query_range", parameters)
        return {
            _labels(question, one["metric"]): _on_grid(question, one["values"]) for one in found
        }

    async def _instant(self, question: Question, expression: str) -> Mapping[Labels, float]:
        now = min(self._clock.now().timestamp(), question.end)
        found = await self._ask("query", {"query": expression, "time": now})
        return {_labels(question, one["metric"]): float(one["value"][1]) for one in found}

    async def _ask(self, path: str, parameters: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        if self._away is not None and self._clock.monotonic() < self._away[0]:
            raise HistoryUnavailableError(self._away[1])
        try:
            answer = await self._client.get(path, params=dict(parameters), headers=self._headers())
        except httpx.HTTPError as error:
            why = f"{self._url} can't be reached ({str(error) or type(error).__name__})."
            self._away = self._clock.monotonic() + _AWAY_SECONDS, why
            raise HistoryUnavailableError(why) from error
        self._away = None
        try:
            said = answer.json()
        except ValueError as error:
            raise self._senseless(f"answered {answer.status_code} without JSON") from error
        if not isinstance(said, dict):
            raise self._senseless("gave an answer that is not Prometheus'")
        told = cast("dict[str, Any]", said)
        if answer.status_code != 200 or told.get("status") != "success":
            raise self._senseless(
                f"answered {answer.status_code}: {told.get('error', 'no reason')}"
            )
        try:
            return told["data"]["result"]
        except (KeyError, TypeError) as error:
            raise self._senseless("gave an answer that is not Prometheus'") from error

    def _headers(self) -> dict[str, str]:
        if self._token_file is None:
            return {}
        try:
            token = self._token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeError) as error:
            raise HistoryUnavailableError(
                f"The token for {self._url} can't be read from {self._token_file} ({error})."
            ) from error
        return {"Authorization": f"Bearer {token}"}

    def _senseless(self, what: str) -> HistoryUnavailableError:
        return HistoryUnavailableError(f"{self._url} {what}. Is it the address of a Prometheus?")


def _labels(question: Question, metric: Mapping[str, str]) -> Labels:
    """Return a line's labels in the figure's order."""
    return tuple((name, metric[name]) for name in question.by if name in metric)


def _on_grid(question: Question, values: Sequence[Sequence[Any]]) -> Values:
    grid: Values = [None] * question.steps
    for at, text in values:
        place = round((float(at) - question.start) / question.step) - 1
        number = float(text)
        if 0 <= place < len(grid) and math.isfinite(number):
            grid[place] = number
    return grid


def _last_known(question: Question, values: Sequence[float | None]) -> float | None:
    """Return the beginning of the last step with a value: it was measured then or a little later.

    Rather too early, since nothing may look fresh that is not.
    """
    places = [place for place, value in enumerate(values) if value is not None]
    return question.start + places[-1] * question.step if places else None
