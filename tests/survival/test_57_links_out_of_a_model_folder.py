"""57. A link in a local model folder that leads outside: refused; nothing outside is read."""

from pathlib import Path

import pytest

from downloads.library.room import a_model, put, safetensors, write
from support.application import running_in

pytestmark = pytest.mark.survival

OUTSIDE = "outside-the-models-folder"


@pytest.mark.parametrize("target", ["absolute", "relative"])
@pytest.mark.parametrize("name", ["extra.safetensors", "tokenizer.json", "folder"])
async def test_57_an_import_with_a_link_that_leads_outside_is_refused(
    tmp_path: Path, target: str, name: str
) -> None:
    outside = write(tmp_path / OUTSIDE, {"secret": safetensors()})
    folder = write(tmp_path / "folder", a_model())
    (folder / name).unlink(missing_ok=True)
    leads = outside if name == "folder" else outside / "secret"
    to = leads if target == "absolute" else Path("..") / leads.relative_to(tmp_path)
    (folder / name).symlink_to(to)
    async with running_in(tmp_path) as running:
        body = {"path": str(folder), "name": "mine"}
        path = "/api/v1/models/import"
        answer = await running.client.post(path, json=body, headers=running.bearer)
        listed = await running.client.get("/api/v1/models", headers=running.bearer)
    assert (answer.status_code, answer.json()["code"]) == (422, "link_outside")
    assert name in answer.json()["detail"]
    assert listed.json()["items"] == []


async def test_57_a_model_in_the_store_with_such_a_link_is_broken_and_says_why(
    tmp_path: Path,
) -> None:
    outside = write(tmp_path / OUTSIDE, {"secret": safetensors()})
    async with running_in(tmp_path) as running:
        snapshot = put(tmp_path / "models", "acme/chat", a_model())
        (snapshot / "tokenizer.json").unlink()
        (snapshot / "tokenizer.json").symlink_to(outside / "secret")
        listed = await running.client.get("/api/v1/models", headers=running.bearer)
        found = await running.app.state.library.resolve("acme/chat")
    (model,) = listed.json()["items"]
    assert model["state"] == "broken"
    assert "tokenizer.json: a link that leads out of the model" in model["reasons"]
    assert found is None
