"""Runs the gates (`python3 scripts/gate.py`), `integration`, `heavy`, `fmt`, `openapi`."""

import sys

from bootstrap import gates

ACTIONS = {
    "check": gates.check,
    "integration": gates.integration,
    "heavy": gates.heavy,
    "fmt": gates.format_all,
    "openapi": gates.write_client,
}

sys.exit(0 if ACTIONS[sys.argv[1] if len(sys.argv) > 1 else "check"]() else 1)
