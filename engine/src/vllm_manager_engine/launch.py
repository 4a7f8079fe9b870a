"""Starts vLLM's API server, with the arguments of `vllm serve` and the model as `--model`.

    python -m vllm_manager_engine.launch --model MODEL …

Why not `vllm serve`: it imports all of its other commands first, and asks for a distribution named
`vllm`, which the build for CPU is not. Why not the server's own module: the engine core and the
workers are spawned, and import the main module again, which here is next to nothing.
"""

import importlib
import importlib.util
import runpy

_SERVER = "vllm.entrypoints.launchers.api_server.entry"
_SERVER_BEFORE_0_30 = "vllm.entrypoints.openai.api_server"


def main() -> None:
    if importlib.util.find_spec("vllm.entrypoints.launchers") is None:
        runpy.run_module(_SERVER_BEFORE_0_30, run_name="__main__", alter_sys=True)
    else:
        importlib.import_module(_SERVER).main()


if __name__ == "__main__":
    main()
