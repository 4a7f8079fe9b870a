"""Sets the project up: `python3 scripts/setup.py run` (or `dev`, `test`, `lock`, `upgrade`)."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (this is what tells people with an older one)
    version = ".".join(str(part) for part in sys.version_info[:3])
    sys.exit(
        f"vLLM Manager needs Python 3.11 or newer; {sys.executable} is Python {version}.\n"
        "Install a newer one and name it: make PYTHON=python3.12 up"
    )

from bootstrap.main import main

main()
