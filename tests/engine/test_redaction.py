"""What a replica knows to be secret is in no line that it keeps."""

from support.engines import supervised
from vllm_manager_engine.redaction import hide, secrets_of


def test_values_of_variables_that_name_a_secret_are_secret() -> None:
    found = secrets_of(
        {
            "HF_TOKEN": "canary-of-the-node",
            "HF_TOKEN_PATH": "/a/long/path",
            "HOME": "/home/somebody",
        },
        {"MY_PASSWORD": "swordfish", "USE_TOKENS": "1"},
    )
    assert set(found) == {"canary-of-the-node", "swordfish"}


def test_they_are_taken_out_of_a_line() -> None:
    assert hide("a swordfish and swordfish", ["swordfish"]) == "a … and …"


async def test_an_engine_that_prints_its_secret_tells_nobody() -> None:
    async with supervised(environment={"HF_TOKEN": "canary-of-the-node"}) as supervisor:
        supervisor._on_line("stderr", f"x canary-of-the-node {supervisor.identity.secret}")  # pyright: ignore[reportPrivateUsage]
        assert supervisor.ring.since(1, 1)[0].text == "x … …"
