"""`server`, `gateway` and the hidden `steward`: the verbs that become a process of the product."""

import logging
import sys

import typer

from vllm_manager.cli.runner import run_steward, watch_steward
from vllm_manager.gateway import serve
from vllm_manager.settings import Settings


def server() -> None:
    """Run the control plane in the foreground (as a service does)."""
    # Imported here because it takes most of a second, which no other verb should wait for.
    from vllm_manager.api.server import run

    settings = Settings()
    watch_steward(settings)
    raise typer.Exit(run(settings))


def gateway() -> None:
    """Run the gateway in the foreground (as a service does)."""
    raise typer.Exit(serve(Settings()))


def steward() -> None:
    """Keep everything that `up` started running."""
    settings = Settings()
    form = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(level=logging.INFO, format=form, stream=sys.stderr)
    run_steward(settings)
