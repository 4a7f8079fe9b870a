"""A stand-in for vLLM: its command line, log lines, endpoints and metrics, without a model.

`python -m vllm_manager_engine.fake serve MODEL --port …`, told by `FAKE_*` variables to be slow, to
hang, crash or run out of memory (see `behaviour`). For tests and load tests.
"""
