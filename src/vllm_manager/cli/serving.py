"""`server` and `gateway`: the verbs that become a process of the product."""

import gc

import typer

from vllm_manager.cli.runner import watch_steward
from vllm_manager.cli.tls import check_certificate
from vllm_manager.gateway import serve
from vllm_manager.kit.logs import tell_uncaught
from vllm_manager.settings import Settings


def server() -> None:
    """Run the control plane in the foreground (as a service does)."""
    gc.disable()  # until it serves: nothing that is loaded now is garbage, and looking takes long
    # Imported here because it takes most of a second, which no other verb should wait for.
    from vllm_manager.api.server import run

    tell_uncaught()
    settings = Settings()
    watch_steward(settings)
    raise typer.Exit(run(settings))


def gateway() -> None:
    """Run the gateway in the foreground (as a service does)."""
    settings = Settings()
    check_certificate(settings)
    raise typer.Exit(serve(settings))
