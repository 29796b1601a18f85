"""Which recordings of the book a network was trained on: its score on them is no score on new data.

``data/models.yaml`` says what each network has heard, ``data/audio.yaml`` to which partition of a corpus a clip
belongs.

Chapter: evaluation
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

import yaml

from diarbook.assets import recordings_registry
from diarbook.errors import KnowledgeError
from diarbook.files import read_data


@dataclass(frozen=True, slots=True)
class Training:
    """What a network was trained on.

    Parameters
    ----------
    name : str
        As in ``data/models.yaml``.
    title : str
    data : str
        In words, as far as its publisher says.
    heard : tuple of str or None
        Partitions of corpora such as ``AMI train``; None when nobody says.

    Chapter: evaluation
    """

    name: str
    title: str
    data: str
    heard: tuple[str, ...] | None


@cache
def _table() -> Mapping[str, Training]:
    rows = yaml.safe_load(read_data("models.yaml"))["training"]
    return {
        name: Training(name, row["title"], row["data"], None if row["heard"] is None else tuple(row["heard"]))
        for name, row in rows.items()
    }


def training(model: str) -> Training:
    """What a network was trained on.

    Raises
    ------
    KnowledgeError
        When ``data/models.yaml`` says nothing of it.

    Examples
    --------
    >>> training("segmentation-3.0").heard
    ('AMI train',)

    Chapter: evaluation
    """
    table = _table()
    if model not in table:
        raise KnowledgeError(f"no training data are known of {model!r}; known: {', '.join(table)}")
    return table[model]


def heard_recordings(model: str) -> list[str]:
    """Recordings of the book that are known to be training data of a network.

    Parameters
    ----------
    model : str

    Returns
    -------
    list of str
        Their names, in the order of ``data/audio.yaml``; empty also when nobody says what the network has heard.

    Raises
    ------
    KnowledgeError
        When the network is unknown.

    Examples
    --------
    >>> [name for name in ("trn00", "dev01", "tst00", "sample") if name in heard_recordings("segmentation-3.0")]
    ['trn00', 'dev01']

    Chapter: evaluation
    """
    heard = training(model).heard or ()
    return [name for name, entry in recordings_registry().items() if entry.get("partition") in heard]


def name_ranges(names: Sequence[str]) -> str:
    """Names that count on, as ranges.

    Examples
    --------
    >>> name_ranges(["trn00", "trn01", "trn02", "dev00", "sample"])
    'trn00 to trn02, dev00 and sample'

    Chapter: evaluation
    """

    def split(name: str) -> tuple[str, int]:
        match = re.fullmatch(r"(.*?)(\d+)", name)
        return (match[1], int(match[2])) if match else (name, -1)

    parts = []
    numbered = ((name, *split(name), position) for position, name in enumerate(names))
    for _, group in groupby(numbered, key=lambda item: (item[1], item[2] - item[3] if item[2] >= 0 else item[3])):
        run = [name for name, *_ in group]
        parts += [f"{run[0]} to {run[-1]}"] if len(run) > 2 else run
    return " and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def box_text(*models: str) -> list[str]:
    """Paragraphs of the box that pages show: what each network has heard of this book's recordings, and what is clean.

    Parameters
    ----------
    *models : str
        ``segmentation-3.0`` by default.

    Returns
    -------
    list of str
        One paragraph a network, one on what is clean, one on how this is known.

    Raises
    ------
    KnowledgeError
        When a network is unknown.

    Chapter: evaluation
    """
    paragraphs, heard_by_any = [], set()
    for model in models or ("segmentation-3.0",):
        known = training(model)
        heard = heard_recordings(model)
        heard_by_any |= set(heard)
        if known.heard is None:
            said = f"{known.title}: {known.data}. Whether it has heard these recordings is unknown."
        elif heard:
            said = (
                f"{known.title} was trained on {known.data}. {name_ranges(heard)} are the first 30 s of meetings in the"
                f" {' and '.join(known.heard)} partition, so its scores on them are scores on its own training data:"
                " better, and surer, than on a meeting of yours."
            )
        else:
            said = f"{known.title} was trained on {known.data}; none of this book's recordings is known to be among it."
        paragraphs.append(said)
    if heard_by_any:
        entries = recordings_registry()
        rest = [name for name, entry in entries.items() if "meeting" in entry and name not in heard_by_any]
        meetings = " and ".join(entries[name]["meeting"] for name in rest)
        paragraphs.append(
            f"Clean are {name_ranges(rest)} (AMI's test partition, meetings {meetings}, the same four people in both,"
            " so one independent unit and not two), the telephone sample, and conversations simulated from voices"
            " outside AMI."
        )
        paragraphs.append(
            "The package that holds the clips does not say where they come from; we compared their reference turns with"
            " those of all AMI meetings."
        )
    return paragraphs
