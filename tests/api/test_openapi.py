"""The OpenAPI document is complete, and the same each time."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from support.application import Running, settings_in
from vllm_manager.api.app import create_app
from vllm_manager.api.docs import example_of
from vllm_manager.api.examples import EXAMPLES
from vllm_manager.deployments.schemas import (
    Deployment,
    DeploymentAccepted,
    DeploymentChange,
    DeploymentEvent,
    LogLine,
    Replica,
)


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return create_app(settings_in(tmp_path_factory.mktemp("home"))).openapi()


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
    ]


def test_every_operation_has_a_stable_name_a_summary_and_a_known_tag(
    document: dict[str, Any],
) -> None:
    known = {tag["name"] for tag in document["tags"]}
    for name, operation in operations(document):
        assert operation["operationId"].isalpha(), name
        assert operation["operationId"][0].islower(), name
        assert operation["summary"], name
        assert set(operation["tags"]) <= known, name
    names = [operation["operationId"] for _, operation in operations(document)]
    assert len(names) == len(set(names))


def test_every_operation_documents_its_problems(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        responses = operation["responses"]
        for status, response in responses.items():
            if status[0] in "45":
                assert "application/problem+json" in response["content"], (name, status)
                assert "application/json" not in response["content"], (name, status)
        assert "default" in responses, name
        if operation.get("security"):
            assert {"401", "403"} <= set(responses), name
        if "requestBody" in operation:
            assert "422" in responses, name


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        bodies = [operation.get("requestBody", {})] + [
            response for status, response in operation["responses"].items() if status[0] == "2"
        ]
        for body in bodies:
            for media in body.get("content", {}).values():
                example = media.get("example") or example_of(document, media["schema"])
                assert example is not None, name


def test_no_operation_takes_fastapis_own_error_shape(document: dict[str, Any]) -> None:
    assert "HTTPValidationError" not in json.dumps(document)


@pytest.mark.integration
def test_the_command_prints_the_same_document_without_starting_anything(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "vllm_manager.api.openapi"]
    home = tmp_path / "home"
    printed = [
        subprocess.run(
            command,
            check=True,
            capture_output=True,
            timeout=60,
            env={"VLLM_MANAGER_HOME": str(home), "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert printed[0] == printed[1]
    assert json.loads(printed[0])["openapi"].startswith("3.")
    assert not home.exists()


async def test_the_page_for_people_names_every_operation(control: Running) -> None:
    page = (await control.client.get("/docs")).text
    document = (await control.client.get("/openapi.json")).json()
    for path in document["paths"]:
        assert path in page
    assert "<script" not in page


@pytest.mark.parametrize(
    "model",
    [Deployment, DeploymentAccepted, DeploymentChange, Replica, LogLine, DeploymentEvent],
)
def test_examples_are_what_the_api_could_say(model: type[BaseModel]) -> None:
    example = EXAMPLES[model.__name__]
    assert set(example) <= set(model.model_fields)
    model.model_validate(example)
