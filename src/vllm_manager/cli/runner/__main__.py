"""The steward as a process: `python -m vllm_manager.cli.runner`, started by `up`."""

from vllm_manager.cli.runner.steward import run_steward
from vllm_manager.kit import logs
from vllm_manager.settings import Settings


def main() -> None:
    """Keep everything that `up` started running, until told to stop."""
    settings = Settings()
    logs.configure("steward", settings.log_level, settings.log_format, settings.logs_dir)
    logs.tell_uncaught()
    run_steward(settings)


if __name__ == "__main__":
    main()
