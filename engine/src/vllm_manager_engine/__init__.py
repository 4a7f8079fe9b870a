"""The engine side of vLLM Manager: one supervised vLLM process per Ray Serve replica."""
