"""Runs the benches one after another (`python3 scripts/benches.py [long]`), and names what missed.

A bench exits with 0 where what it promises is kept. One that misses does not end the others.
"""

import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from bootstrap.paths import CONTROL_ENV, ROOT

BENCHES = ROOT / "bench"
QUICKER = {"downloads.py": ("--large-gb", "2")}
"""With what a bench is run where its own default takes long."""
LONG = (("diagnosis.py", ()), ("downloads.py", ("--large-gb", "20")))
ONLY_LONG = ("diagnosis.py",)

Commands = Iterable[tuple[str, Sequence[str]]]


def usual() -> Commands:
    """Return each bench with its options, but for those that only take long."""
    names = sorted(file.name for file in BENCHES.glob("[a-z0-9]*.py"))
    return [(name, QUICKER.get(name, ())) for name in names if name not in ONLY_LONG]


def missed(commands: Commands, folder: Path = BENCHES) -> list[str]:
    """Run benches; return the names of those that exited with anything but 0."""
    found: list[str] = []
    for name, options in commands:
        print(f"== {name}", flush=True)
        python = str(CONTROL_ENV / "bin" / "python")
        done = subprocess.run([python, str(folder / name), *options], cwd=ROOT, check=False)
        if done.returncode:
            found.append(name)
    return found


def main() -> int:
    names = missed(LONG if sys.argv[1:] == ["long"] else usual())
    if names:
        print(f"Missed what they promise, or broke: {', '.join(names)}")
    return 1 if names else 0


if __name__ == "__main__":
    sys.exit(main())
