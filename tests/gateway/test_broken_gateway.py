"""What breaks inside the gateway leaves no request behind that seems to be under way for ever."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from support.control_plane import KEY, model, snapshot
from vllm_manager.gateway.accounts import private_accounts
from vllm_manager.gateway.admission import Admission, Claim, Denial
from vllm_manager.gateway.config import GatewayConfig
from vllm_manager.gateway.context import Context
from vllm_manager.gateway.control import ControlPlane
from vllm_manager.gateway.counts import create_private
from vllm_manager.gateway.directory import Directory
from vllm_manager.gateway.engine_routes import serve_engine_route
from vllm_manager.gateway.journal import Journal
from vllm_manager.gateway.limits import Book
from vllm_manager.gateway.queueing import Slots
from vllm_manager.gateway.refused_counts import RefusedCounts
from vllm_manager.gateway.requests.tracking import Tracker
from vllm_manager.gateway.routes import ENGINE_ROUTES
from vllm_manager.gateway.snapshot import decode
from vllm_manager.gateway.subjects import Subjects
from vllm_manager.gateway.traces import Tracer
from vllm_manager.gateway.upstream import Target, UpstreamClient

ENDPOINT = {"replica_id": "r1", "url": "http://127.0.0.1:9", "secret": "s"}


class BrokenBound:
    """Fails as only a mistake in the code does."""

    def refuses(self, claim: Claim) -> Denial | None:
        raise RuntimeError(f"broken for {claim.model}")

    def take(self, claim: Claim) -> None: ...

    def give_back(self, claim: Claim, used_tokens: int) -> None: ...


def context_in(folder: Path) -> Context:
    config = GatewayConfig(
        host="127.0.0.1",
        port=0,
        control_port=9,
        run_dir=str(folder),
        token_path=str(folder / "token"),
    )
    counts, directory = create_private(), Directory()
    content = {"version": 1, "epoch": "one", **snapshot({"demo": model(ENDPOINT)})}
    directory.update(decode(json.dumps(content).encode()))
    book, slots, client = Book(private_accounts(), counts), Slots(counts), UpstreamClient(1)
    return Context(
        config=config,
        directory=directory,
        counts=counts,
        slots=slots,
        admission=Admission([BrokenBound()], counts, slots),
        book=book,
        subjects=Subjects(book),
        client=client,
        control=ControlPlane(client, Target("127.0.0.1", 9), folder / "token"),
        journal=Journal(folder / "usage", asyncio.get_running_loop()),
        refused=RefusedCounts(),
        tracer=Tracer(None),
        tracker=Tracker(),
    )


async def test_a_request_that_breaks_while_it_is_admitted_is_over(tmp_path: Path) -> None:
    context = context_in(tmp_path)
    headers = [
        (b"authorization", f"Bearer {KEY}".encode()),
        (b"content-type", b"application/json"),
    ]
    scope: dict[str, Any] = {"method": "POST", "headers": headers, "client": ("127.0.0.1", 1)}

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b'{"model":"demo"}', "more_body": False}

    async def send(_: Any) -> None: ...

    route = ENGINE_ROUTES["/v1/chat/completions"]
    with pytest.raises(RuntimeError, match="broken for demo"):
        await serve_engine_route(context, route, scope, receive, send)
    assert context.tracker.open == {}
    [sums] = context.tracker.sums({"demo"})
    assert (sums.answered["5xx"], sums.under_way) == (1, 0)
    context.client.close()
