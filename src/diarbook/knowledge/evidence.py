"""Measured results as data: what was measured, and under which protocol.

``benchmarks/NAME.py`` writes ``data/evidence/NAME.json``; the pages show it.

Chapter: evaluation
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from diarbook.errors import KnowledgeError
from diarbook.files import read_data, repository_root

PROTOCOL = {
    "data": "Data",
    "files": "Files",
    "models": "Models and their training data",
    "reference": "Reference",
    "collar_each_side": "Collar, each side",
    "overlap": "Overlapped speech",
    "region": "Scored region",
    "vad": "Voice activity detection",
    "speakers": "Number of speakers",
    "pooling": "Pooling",
    "tuned_on": "Tuned on",
    "machine": "Machine",
    "processor": "Processor",
    "packages": "Packages",
    "weights": "Weights",
    "commit": "Commit",
    "date": "Date",
    "command": "Repeat with",
    "run": "Run",
}
"""Fields of a protocol card with their headings; one that does not apply is left out."""

REQUIRED = ("data", "machine", "processor", "packages", "commit", "date", "command", "run")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One table of measured results with its protocol.

    Parameters
    ----------
    name : str
        Stem of the file.
    title : str
    protocol : mapping of str to object
        Fields of ``PROTOCOL``, those of ``REQUIRED`` at least.
    rows : tuple of mapping
        Values by column key; None is undefined.
    columns : mapping of str to str
        Heading by column key, in the order of the table.

    Chapter: evaluation
    """

    name: str
    title: str
    protocol: Mapping[str, object]
    rows: tuple[Mapping[str, object], ...]
    columns: Mapping[str, str]


def evidence_files(folder: Path | None = None) -> list[Path]:
    """The evidence files, sorted by name; none outside a checkout."""
    if folder is None:
        root = repository_root()
        if root is None:
            return []
        folder = root / "data" / "evidence"
    return sorted(Path(folder).glob("*.json"))


def load_evidence(path: Path) -> Evidence:
    """Read and check one evidence file.

    Raises
    ------
    KnowledgeError
        With the file and the field: not JSON, a field of the protocol that is missing or unknown, a row with an
        unknown column.

    Chapter: evaluation
    """
    path = Path(path)
    if not path.is_file():
        raise KnowledgeError(f"{path}: no such evidence; run `make bench`")
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"{path}: not valid JSON ({error}); run `make bench`") from None
    expected = {"title": str, "protocol": dict, "rows": list, "columns": dict}
    for field, kind in expected.items():
        if not isinstance(raw, dict) or not isinstance(raw.get(field), kind):
            raise KnowledgeError(f"{path}: field {field!r} must be a {kind.__name__}; run `make bench`")
    protocol, columns = raw["protocol"], raw["columns"]
    if missing := [field for field in REQUIRED if field not in protocol]:
        raise KnowledgeError(f"{path}: the protocol lacks {missing[0]!r}")
    if unknown := [field for field in protocol if field not in PROTOCOL]:
        raise KnowledgeError(f"{path}: unknown field {unknown[0]!r} of the protocol; known: {', '.join(PROTOCOL)}")
    for number, row in enumerate(raw["rows"], 1):
        if unknown := [key for key in row if key not in columns]:
            raise KnowledgeError(f"{path}: row {number} has {unknown[0]!r}, which is no column")
    if protocol["run"] != run_of(raw):
        raise KnowledgeError(f"{path}: was changed after the run that its card describes; run `make bench`")
    ordered = {field: protocol[field] for field in PROTOCOL if field in protocol}
    return Evidence(path.stem, raw["title"], ordered, tuple(raw["rows"]), columns)


def run_of(content: Mapping[str, object]) -> str:
    """What tells one run from another: a digest of the card and of all rows, so that none can be added later.

    Parameters
    ----------
    content : mapping
        An evidence file, with the card's own ``run`` or without it.

    Returns
    -------
    str
        12 hexadecimal digits.

    Chapter: evaluation
    """
    card = {field: value for field, value in content["protocol"].items() if field != "run"}
    whole = json.dumps([card, content["columns"], content["rows"]], sort_keys=True)
    return hashlib.sha256(whole.encode()).hexdigest()[:12]


def measured_rows(name: str) -> list[dict[str, object]]:
    """Rows of an evidence file by its name, from a checkout or from the installed package.

    Raises
    ------
    KnowledgeError
        When there is no such evidence.

    Chapter: evaluation
    """
    try:
        return json.loads(read_data(f"evidence/{name}.json"))["rows"]
    except FileNotFoundError:
        raise KnowledgeError(f"no evidence is called {name!r}; run `make bench`") from None


def format_value(value: object, key: str = "", heading: str = "") -> str:
    """A value as a reader sees it.

    A float whose column is called ``rate`` or ends in ``_rate`` is a fraction and becomes a percentage; one whose
    heading ends in ``%`` keeps one decimal; others keep three significant digits. None and NaN are undefined.

    Chapter: evaluation
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "undefined"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        joint = " to " if len(value) == 2 and all(isinstance(item, int | float) for item in value) else ", "
        return joint.join(format_value(item, key, heading) for item in value)
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {format_value(item)}" for name, item in value.items())
    if isinstance(value, float):
        if key == "rate" or key.endswith("_rate"):
            return f"{100 * value:.1f} %"
        if heading.rstrip(")").endswith("%"):
            return f"{value:.1f}"
        if value == 0 or not math.isfinite(value):
            return f"{value:g}"
        decimals = max(0, 2 - math.floor(math.log10(abs(value))))
        return f"{value:.{decimals}f}"
    return str(value)
