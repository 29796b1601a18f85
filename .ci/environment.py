"""Prints environment.yml: the versions of requirements.lock for people who use conda. `make lock` writes it."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def canonical(name: str) -> str:
    """A package's name as the lock spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def main() -> None:
    """Print the file."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = project["dependencies"] + [line for extra in project["optional-dependencies"].values() for line in extra]
    direct = {canonical(re.match(r"[\w.-]+", line)[0]) for line in lines}
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    print(
        "# Written by `make lock` from pyproject.toml and requirements.lock: conda brings Python, pip the rest, in the"
    )
    print("# same versions as `make book`. Create it from the repository's folder: conda env create -f environment.yml")
    print("name: diarbook")
    print("channels: [conda-forge]")
    print("dependencies:")
    print("  - python=3.11")
    print("  - pip")
    print("  - pip:")
    print("      - --constraint requirements.lock")
    for line in locked:
        if canonical(re.match(r"[\w.-]+", line)[0]) in direct:
            print(f"      - {line}")
    print("      - --editable .")


main()
