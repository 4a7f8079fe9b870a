"""The steward as a process: `python -m vllm_manager.cli.runner`, started by `up`."""

import logging
import sys

from vllm_manager.cli.runner.steward import run_steward
from vllm_manager.settings import Settings


def main() -> None:
    """Keep everything that `up` started running, until told to stop."""
    form = "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(level=logging.INFO, format=form, stream=sys.stderr)
    run_steward(Settings())


if __name__ == "__main__":
    main()
