"""Prints the OpenAPI document without starting anything: `python -m vllm_manager.api.openapi`.

The web interface's client is generated from it.
"""

import json
import sys

from vllm_manager.api.app import create_app
from vllm_manager.settings import Settings


def main() -> None:
    """Write the document to standard output."""
    document = create_app(Settings()).openapi()
    json.dump(document, sys.stdout, indent=2, sort_keys=True, ensure_ascii=False)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
