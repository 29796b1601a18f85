"""Writing evidence: the rows of one run, with the card that says how, on what and by which code they were measured.

Chapter: evaluation
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

from diarbook.assets import sha256_of, weights_path
from diarbook.errors import KnowledgeError
from diarbook.files import repository_root, write_atomically
from diarbook.knowledge.evidence import PROTOCOL, run_of
from diarbook.knowledge.training_data import training


def processor() -> str:
    """Name of the processor, as the operating system has it.

    Chapter: evaluation
    """
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def machine() -> str:
    """Cores, memory, operating system and Python of this machine.

    Chapter: evaluation
    """
    memory = ""
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = f", {os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GiB"
    system = f"{platform.system()} {platform.release()}, {platform.machine()}"
    return f"{os.cpu_count()} cores{memory}; {system}; {platform.python_implementation()} {platform.python_version()}"


def commit() -> str:
    """The commit that is checked out, with a mark when files that git knows have been changed since.

    Chapter: evaluation
    """
    root = repository_root()
    try:
        told = [
            subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=True).stdout.strip()
            for words in (("rev-parse", "--short=12", "HEAD"), ("status", "--porcelain", "-uno", "src", "benchmarks"))
        ]
    except (OSError, subprocess.CalledProcessError):
        return "not in a checkout"
    return told[0] + (", with changes" if told[1] else "")


def trained_on(names: Iterable[str]) -> str:
    """Models by name, each with what it was trained on, as ``data/models.yaml`` has it.

    Chapter: evaluation
    """
    return "; ".join(f"{training(name).title}: {training(name).data}" for name in names)


def weights(names: Iterable[str]) -> str:
    """Models by name, with the beginning of their checksum.

    Chapter: evaluation
    """
    return ", ".join(f"{name} (sha256 {sha256_of(weights_path(name))[:12]})" for name in names)


def write_evidence(
    name: str,
    title: str,
    card: Mapping[str, object],
    columns: Mapping[str, str],
    rows: Sequence[Mapping[str, object]],
    *,
    packages: Iterable[str],
    models: Iterable[str] = (),
    folder: Path | None = None,
) -> Path:
    """Write ``data/evidence/NAME.json``: all rows of one run, with all that can be read off this machine.

    Parameters
    ----------
    name : str
        Stem of the file.
    title : str
        Caption of the table.
    card : mapping of str to object
        Fields of :data:`~diarbook.knowledge.evidence.PROTOCOL` that apply, ``data`` and ``command`` at least.
    columns : mapping of str to str
        Heading by column key, in the order of the table.
    rows : sequence of mapping
        Values by column key.
    packages : iterable of str
        Distributions whose versions the numbers depend on.
    models : iterable of str
        Networks that ran, as ``data/models.yaml`` calls them.
    folder : path, optional
        ``data/evidence`` by default.

    Returns
    -------
    path

    Raises
    ------
    KnowledgeError
        When the card has a field that is unknown or one that is filled in here.

    Chapter: evaluation
    """
    models = tuple(models)
    own = {
        "machine": machine(),
        "processor": processor(),
        "packages": ", ".join(f"{package} {version(package)}" for package in packages),
        "commit": commit(),
        "date": date.today().isoformat(),
    }
    if models:
        own |= {"weights": weights(models), "models": trained_on(models)}
    if wrong := [field for field in card if field not in PROTOCOL or field in own or field == "run"]:
        raise KnowledgeError(f"{name}: a card's field {wrong[0]!r} is unknown, or filled in when it is written")
    filled = own | dict(card)
    protocol = {field: filled[field] for field in PROTOCOL if field in filled}
    content = {"title": title, "protocol": protocol, "columns": dict(columns), "rows": [dict(row) for row in rows]}
    protocol["run"] = run_of(content)
    path = (folder or repository_root() / "data" / "evidence") / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    return path
