"""Feed broken files and odd options to every reader: `make fuzz`, ten minutes each, or DIARBOOK_FUZZ_SECONDS.

Audio heads, RTTM, UEM and label files, stores and their exports, command lines. `make test` runs a short form of each.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
SWITCH = "DIARBOOK_FUZZ_SECONDS"


def fuzzers() -> list[Path]:
    """Test files that run longer when they are asked to."""
    return sorted(path for path in (ROOT / "tests").rglob("test_*.py") if SWITCH in path.read_text(encoding="utf-8"))


def main() -> None:
    seconds = os.environ.get(SWITCH, "600")
    failed = []
    for path in fuzzers():
        name = path.relative_to(ROOT)
        print(f"{name}: {seconds} s", flush=True)
        command = [sys.executable, "-m", "pytest", "-n0", "-q", "-x", "-W", "ignore", "--timeout=0", str(name)]
        run = subprocess.run(command, cwd=ROOT, env={**os.environ, SWITCH: seconds}, check=False)
        failed += [str(name)] if run.returncode else []
    print("failed: " + ", ".join(failed) if failed else "no fault found")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
