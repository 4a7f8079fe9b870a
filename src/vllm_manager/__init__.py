"""vLLM Manager: control plane, gateway and command line. No engine is imported here."""

__version__ = "0.1.0"
