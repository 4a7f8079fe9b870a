"""`python -m vllm_manager.cli`: the same as the `vllm-manager` command."""

from vllm_manager.cli.main import main

main()
