"""Runs the warmer: `python -m vllm_manager_engine.warm JSON`."""

import asyncio
import contextlib
import json
import os
import sys

from vllm_manager_engine.warm.warmer import Plan, serve


def main() -> None:
    plan = Plan(**json.loads(sys.argv[1]))
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(serve(plan, os.environ, sys.stdin.fileno()))


main()
