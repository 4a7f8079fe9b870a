"""The API of operations: pages, filters, and refusals by field."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from support.application import Running, running_in

pytestmark = pytest.mark.integration

PATH = "/api/v1/operations"


@pytest.fixture
async def control(tmp_path: Path) -> AsyncGenerator[Running]:
    async with running_in(tmp_path) as running:
        for name in ("one", "two"):
            spec = {"name": name, "model": "demo", "start": False}
            path = "/api/v1/deployments"
            created = await running.client.post(path, json=spec, headers=running.bearer)
            assert created.status_code == 202
        yield running


async def test_operations_are_listed_newest_first_in_pages(control: Running) -> None:
    first = await control.client.get(f"{PATH}?limit=1", headers=control.bearer)
    cursor = first.json()["next_cursor"]
    second = await control.client.get(f"{PATH}?limit=1&cursor={cursor}", headers=control.bearer)
    subjects = [page.json()["items"][0]["subject"] for page in (first, second)]
    assert subjects == ["two", "one"]
    assert second.json()["next_cursor"] is None


async def test_one_operation_is_read_by_its_id(control: Running) -> None:
    listed = (await control.client.get(PATH, headers=control.bearer)).json()["items"][0]
    read = await control.client.get(f"{PATH}/{listed['id']}", headers=control.bearer)
    assert read.json() == listed
    assert (read.json()["status"], read.json()["progress"]) == ("succeeded", 1.0)


async def test_operations_of_a_status_that_none_has_are_an_empty_page(control: Running) -> None:
    answer = await control.client.get(f"{PATH}?status=failed", headers=control.bearer)
    assert answer.json() == {"items": [], "next_cursor": None}


@pytest.mark.parametrize("query", ["limit=0", "limit=5000", "cursor=!", "status=none"])
async def test_a_bad_query_is_refused_by_its_name(control: Running, query: str) -> None:
    answer = await control.client.get(f"{PATH}?{query}", headers=control.bearer)
    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == [query.partition("=")[0]]


async def test_what_is_not_there_is_a_404(control: Running) -> None:
    answer = await control.client.get(f"{PATH}/op_none", headers=control.bearer)
    assert (answer.status_code, answer.json()["code"]) == (404, "operation_not_found")


async def test_nobody_without_credentials_reads_them(control: Running) -> None:
    assert (await control.client.get(PATH)).status_code == 401
