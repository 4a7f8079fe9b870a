"""The hub for tests is one to the real client: what other tests rely on."""

# The client's own annotations leave types open.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportArgumentType=false, reportCallIssue=false

import asyncio
import hashlib
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
from huggingface_hub import HfApi, hf_hub_download, scan_cache_dir, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from support.hub import Data, Fault, Hub, declare, hub_process, large, many_files, ready_made

TOKEN = "hf_test_of_the_hub"  # noqa: S105 (made up)


@pytest.fixture
def hub() -> Generator[Hub]:
    with Hub(ready_made()) as hub:
        hub.admit(TOKEN, "ada", "acme/gated-chat", "acme/secret")
        yield hub


@pytest.fixture
def api(hub: Hub) -> HfApi:
    return HfApi(endpoint=hub.url, token=False)


def sha256(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


async def test_the_client_finds_models_page_by_page(hub: Hub, api: HfApi) -> None:
    def find() -> list[str]:
        pages = api.list_models(search="acme", sort="downloads")
        return [model.id for model in pages]

    names = await asyncio.to_thread(find)
    assert names[:2] == ["acme/tiny-chat", "acme/gated-chat"]
    assert "acme/secret" not in names
    hub.repositories.clear()
    hub.add(*(declare(f"acme/model-{n}", {"config.json": "{}"}, downloads=n) for n in range(2500)))
    assert len(await asyncio.to_thread(find)) == 2500
    assert len(hub.asked("/api/models")) == 1 + 3


async def test_the_client_filters_and_reads_parameters(api: HfApi) -> None:
    def find(**words: Any) -> list[str]:
        return [model.id for model in api.list_models(**words)]

    assert await asyncio.to_thread(find, filter="license:llama3") == ["acme/gated-chat"]
    assert await asyncio.to_thread(find, gated=True) == ["acme/gated-chat"]
    large_ones = await asyncio.to_thread(find, num_parameters="min:1M")
    assert sorted(large_ones) == ["acme/sharded", "acme/tiny-chat"]
    info = await asyncio.to_thread(api.model_info, "acme/tiny-chat", files_metadata=True)
    assert info.safetensors is not None
    assert info.safetensors.parameters == {"BF16": info.safetensors.total}
    assert info.config == {"architectures": ["LlamaForCausalLM"], "model_type": "llama"}
    weights = next(item for item in info.siblings or [] if item.rfilename == "model.safetensors")
    assert weights.lfs is not None
    assert weights.size == weights.lfs.size == 4_069_936


async def test_the_client_downloads_a_snapshot(hub: Hub, tmp_path: Path) -> None:
    folder = await asyncio.to_thread(
        snapshot_download, "acme/tiny-chat", endpoint=hub.url, cache_dir=tmp_path, token=False
    )
    commit = hub.repositories["acme/tiny-chat"].find("main")
    assert commit is not None
    assert Path(folder).name == commit.sha
    for path, entry in commit.files.items():
        assert sha256(Path(folder) / path) == entry.content.sha256
    assert scan_cache_dir(tmp_path).warnings == []


async def test_the_client_downloads_from_another_host_without_the_token(tmp_path: Path) -> None:
    with Hub(ready_made()) as hub:
        hub.admit(TOKEN, "ada", "acme/gated-chat")
        hub.network = f"http://localhost:{hub.port}"
        await asyncio.to_thread(
            hf_hub_download,
            "acme/gated-chat",
            "model.safetensors",
            endpoint=hub.url,
            cache_dir=tmp_path,
            token=TOKEN,
        )
        assert all(request.token == TOKEN for request in hub.asked("/resolve/"))
        assert [request.token for request in hub.asked("/cdn/")] == [None]


async def test_the_client_understands_every_refusal(hub: Hub, api: HfApi, tmp_path: Path) -> None:
    def get(name: str, path: str = "config.json") -> str:
        return hf_hub_download(name, path, endpoint=hub.url, cache_dir=tmp_path, token=False)

    with pytest.raises(GatedRepoError):
        await asyncio.to_thread(get, "acme/gated-chat")
    with pytest.raises(RepositoryNotFoundError):
        await asyncio.to_thread(api.model_info, "acme/nothing")
    with pytest.raises(RevisionNotFoundError):
        await asyncio.to_thread(api.model_info, "acme/tiny-chat", revision="gone")
    with pytest.raises(RemoteEntryNotFoundError):
        await asyncio.to_thread(get, "acme/tiny-chat", "nothing.json")
    with pytest.raises(HfHubHTTPError, match="Invalid user token"):
        await asyncio.to_thread(api.whoami, "hf_wrong")
    person = await asyncio.to_thread(api.whoami, TOKEN)
    assert person["name"] == "ada"


async def test_ten_thousand_files_are_listed_in_pages() -> None:
    with Hub([many_files()]) as hub:
        api = HfApi(endpoint=hub.url, token=False)
        tree = await asyncio.to_thread(
            lambda: list(api.list_repo_tree("acme/many-files", recursive=True))
        )
        files = [item.path for item in tree if hasattr(item, "blob_id")]
        assert len(files) == len(set(files)) == 10_000
        assert len(hub.asked("/tree/")) == 11


async def test_ranges_of_made_files_fit_together() -> None:
    with Hub([large(5 << 20)], network=None) as hub:
        commit = hub.repositories["acme/large"].find("main")
        assert commit is not None
        path = "model-00001-of-00001.safetensors"
        entry = commit.files[path]
        size, url = entry.content.size_bytes, f"{hub.url}/acme/large/resolve/main/{path}"
        async with httpx.AsyncClient() as client:
            digest = hashlib.sha256()
            for start in range(0, size, 777_777):
                end = min(start + 777_777, size) - 1
                part = await client.get(url, headers={"range": f"bytes={start}-{end}"})
                assert part.status_code == 206
                assert part.headers["content-range"] == f"bytes {start}-{end}/{size}"
                digest.update(part.content)
            last = await client.get(url, headers={"range": "bytes=-10"})
            beyond = await client.get(url, headers={"range": f"bytes={size}-"})
        assert digest.hexdigest() == entry.content.sha256
        assert len(last.content) == 10
        assert last.headers["etag"] == f'"{entry.content.sha256}"'
        assert beyond.status_code == 416


async def test_faults_befall_as_many_requests_as_told(hub: Hub) -> None:
    hub.network = None
    url = f"{hub.url}/acme/sharded/resolve/main/model-00001-of-00002.safetensors"
    async with httpx.AsyncClient() as client:
        whole = (await client.get(url)).content
        hub.faults.add(Fault(path="*/resolve/*", status=429, retry_after_seconds=7, times=1))
        limited = await client.get(url)
        assert (limited.status_code, limited.headers["retry-after"]) == (429, "7")
        hub.faults.add(Fault(path="*00001*", flip_byte_at=100_000, times=1))
        flipped = (await client.get(url)).content
        assert [n for n in range(len(whole)) if whole[n] != flipped[n]] == [100_000]
        hub.faults.add(Fault(path="*00001*", drop_after_bytes=1000, times=1))
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(url)
        hub.faults.add(Fault(path="*00001*", redirect_to="http://169.254.169.254/", times=1))
        assert (await client.get(url)).headers["location"] == "http://169.254.169.254/"
        hub.faults.add(Fault(method="HEAD", etag="other", commit="f" * 40))
        head = await client.head(url)
        assert (head.headers["etag"], head.headers["x-repo-commit"]) == ('"other"', "f" * 40)
        assert (await client.get(url)).content == whole


async def test_a_stalled_request_ends_when_the_fault_is_taken_away(hub: Hub) -> None:
    hub.network = None
    fault = hub.faults.add(Fault(path="*/tokenizer.json", stall_after_bytes=4))
    url = f"{hub.url}/acme/sharded/resolve/main/tokenizer.json"
    async with httpx.AsyncClient(timeout=30) as client, client.stream("GET", url) as answer:
        parts = answer.aiter_raw()
        assert await anext(parts) == b'{"ve'
        hub.faults.remove(fault)
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(parts)


async def test_a_new_commit_and_one_that_vanished(hub: Hub, api: HfApi) -> None:
    repository = hub.repositories["acme/sharded"]
    first = repository.refs["main"]
    second = repository.commit({"config.json": Data("{}")})
    assert (await asyncio.to_thread(api.model_info, "acme/sharded")).sha == second
    repository.vanish(first)
    with pytest.raises(RevisionNotFoundError):
        await asyncio.to_thread(api.model_info, "acme/sharded", revision=first)


async def test_it_runs_as_a_process_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    words = ["--folder", f"acme/mine={tmp_path}", "--token", f"ada={TOKEN}"]
    with hub_process(*words) as hub:
        async with httpx.AsyncClient(base_url=hub.url) as client:
            hub.add(Fault(path="*/acme/mine", status=503, times=1))
            assert (await client.get("/api/models/acme/mine")).status_code == 503
            assert (await client.get("/api/models/acme/mine")).json()["id"] == "acme/mine"
        assert [one["status"] for one in hub.requests()] == [503, 200]
    with pytest.raises(ProcessLookupError):
        os.kill(hub.pid, 0)


async def test_a_hub_that_was_closed_comes_back_on_its_port(hub: Hub) -> None:
    hub.close()
    async with httpx.AsyncClient(base_url=hub.url) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get("/api/models")
        hub.listen()
        assert (await client.get("/api/models")).status_code == 200
