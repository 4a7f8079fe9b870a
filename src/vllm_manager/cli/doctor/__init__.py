"""`doctor`: looks at every piece and says what to do about each that is wrong."""

from vllm_manager.cli.doctor.command import doctor, examine

__all__ = ["doctor", "examine"]
