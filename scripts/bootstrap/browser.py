"""The browser that the end-to-end tests drive: Debian's Chromium where none is installed."""

import os
import shutil

from bootstrap.command import run
from bootstrap.progress import SetupError, note, step

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def install() -> None:
    """Make sure that a Chromium is on the PATH.

    Raises:
        SetupError: there is none and this machine has no apt-get, or no right to use it.
    """
    for name in _NAMES:
        if found := shutil.which(name):
            return note("Browser for tests", found)
    remedy = "Install Chromium (as root: apt-get install chromium) and try again."
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise SetupError("The browser tests need Chromium, which is not installed.", remedy)
    with step("Browser for tests"):
        quiet = {"DEBIAN_FRONTEND": "noninteractive"}
        run(["apt-get", "update", "-q"], log_name="apt-update", remedy=remedy, extra=quiet)
        install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", "chromium"]
        run(install, log_name="apt-chromium", remedy=remedy, extra=quiet)
    return None
