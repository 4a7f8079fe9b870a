"""The `vllm-manager` command: every verb. It exits with 0 done, 1 failed, 2 misuse."""

import sys

import typer
from pydantic import ValidationError

from vllm_manager.cli import (
    alerts,
    audit,
    change,
    chat,
    configs,
    deploy,
    deployments,
    diagnostics,
    doctor,
    downloads,
    explain,
    fit,
    hardware,
    keys,
    limits,
    login,
    logs,
    metrics,
    models,
    nodes,
    operations,
    requests,
    serving,
    show,
    status,
    teams,
    token,
    up,
    usage,
    users,
)
from vllm_manager.cli.output import print_problem
from vllm_manager.kit.errors import FieldError, Problem, Remedy
from vllm_manager.settings import Settings

app = typer.Typer(
    name="vllm-manager",
    help="Deploy, serve and watch large language models with vLLM on Ray Serve.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command()(up.up)
app.command()(up.down)
app.command()(status.status)
app.command()(doctor.doctor)
app.command()(diagnostics.diagnostics)
app.command()(deploy.deploy)
app.command()(deployments.ls)
app.command()(show.show)
app.command()(change.change)
app.command()(change.scale)
app.command()(deployments.stop)
app.command()(deployments.start)
app.command()(deployments.restart)
app.command()(deployments.delete)
app.command()(logs.logs)
app.command()(explain.explain)
app.command()(chat.chat)
app.command()(downloads.pull)
app.add_typer(downloads.app)
app.add_typer(models.app)
app.add_typer(configs.app)
app.add_typer(token.app)
app.command()(login.join)
app.command()(login.login)
app.command()(login.logout)
app.command()(login.whoami)
app.command()(login.password)
app.command()(login.sessions)
app.add_typer(users.app)
app.add_typer(teams.app)
app.add_typer(keys.app)
app.add_typer(limits.app)
app.add_typer(audit.app)
app.add_typer(alerts.app)
app.add_typer(usage.app)
app.add_typer(requests.app)
app.command()(hardware.hardware)
app.command()(nodes.nodes)
app.command()(operations.operations)
app.command()(metrics.metrics)
app.command()(metrics.figures)
app.command()(fit.fit)
app.command()(serving.server)
app.command()(serving.gateway)


def main() -> None:
    """Run the command line; a problem is explained on standard error and exits with 1."""
    try:
        app()
    except Problem as problem:
        print_problem(problem.details)
        sys.exit(1)
    except ValidationError as error:
        if error.title != Settings.__name__:
            raise
        print_problem(_wrong_settings(error).details)
        sys.exit(1)
    except BrokenPipeError:  # `vllm-manager logs | head`
        sys.stderr.close()
        sys.exit(0)
    except OSError as error:
        if error.filename is None:  # it is about no file that was named
            raise
        print_problem(_unusable_file(error).details)
        sys.exit(1)


def _unusable_file(error: OSError) -> Problem:
    """Say which file or folder can't be read or written, and why."""
    return Problem(
        "file_unusable",
        f"{error.filename} can't be used: {error.strerror}.",
        remediation=[Remedy(label="Name another place, or see that you may read and write there.")],
    )


def _wrong_settings(error: ValidationError) -> Problem:
    """Name each setting in the environment that is wrong; its value may be a secret."""
    wrong = [
        FieldError(field=f"VLLM_MANAGER_{str(one['loc'][0]).upper()}", message=one["msg"])
        for one in error.errors(include_input=False)
    ]
    return Problem(
        "invalid_settings",
        "Settings in the environment are wrong.",
        errors=wrong,
        remediation=[Remedy(label="Correct or unset them; docs/reference/settings.md lists all")],
    )
