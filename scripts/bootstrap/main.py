"""What can be set up: `run` for using the product, `dev` and `test` for working on it, `lock`."""

import argparse
import os
import sys
import time

from bootstrap import environments, locks, packages, ui
from bootstrap.progress import SetupError


def _run() -> None:
    environments.control(dev=False)
    environments.engine()
    ui.build()


def _dev() -> None:
    environments.control(dev=True)
    ui.packages()
    ui.build()


def _test() -> None:
    _dev()
    environments.engine()
    packages.install()


_TARGETS = {
    "run": _run,
    "dev": _dev,
    "test": _test,
    "lock": lambda: locks.lock(upgrade=False),
    "upgrade": lambda: locks.lock(upgrade=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="setup.py", description=__doc__)
    parser.add_argument("target", choices=sorted(_TARGETS))
    target = parser.parse_args().target
    os.environ.pop("VIRTUAL_ENV", None)  # an active environment is not where things belong
    start = time.monotonic()
    try:
        _TARGETS[target]()
    except SetupError as error:
        sys.exit(f"\n{error}\n\n→ {error.remedy}")
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; run the same again to go on.")
    if (seconds := time.monotonic() - start) > 2:
        print(f"Set up in {seconds:.0f} s")
