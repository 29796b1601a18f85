"""Which recordings are scored: those that both sides have, by name, with a hint where names differ a little.

Chapter: evaluation
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping, Sequence

from diarbook.errors import OptionError


def matched_recordings(
    references: Mapping, hypotheses: Mapping, uem: Mapping | None, allow_missing: bool, allow_extra: bool
) -> list[str]:
    """Names of the recordings to score, or an error that names those that one side lacks.

    Parameters
    ----------
    references, hypotheses, uem : mapping of str to anything
        By recording; the UEM may be None. A recording that only the UEM names has no reference speech.
    allow_missing, allow_extra : bool
        Accept recordings without hypothesis, and hypotheses without reference.

    Returns
    -------
    list of str
        Those of the reference, then those that only the UEM names.

    Raises
    ------
    OptionError
        Naming the recordings that are missing on one side, and what that side has in their stead.

    Chapter: evaluation
    """
    names = list(references)
    if uem is not None:
        names += [name for name in uem if name not in references]
        _refuse(references, uem, "the UEM lacks {}", "add its regions, or take it out of the reference")
    if not allow_missing:
        _refuse(references, hypotheses, "the hypothesis lacks {}", "add it, or allow missing recordings")
    if not allow_extra:
        known = dict.fromkeys(names)
        _refuse(hypotheses, known, "the reference lacks {}", "add it, or allow extra recordings")
    return names


def _refuse(wanted: Iterable[str], there: Container[str], message: str, remedy: str) -> None:
    missing = [name for name in wanted if name not in there]
    if not missing:
        return
    wanted = set(wanted)
    spare = [name for name in there if name not in wanted]  # type: ignore[attr-defined]
    alike = next((name for lacking in missing for name in spare if alike_names(lacking, name)), None)
    if alike is not None:
        remedy = f"it has {alike!r}: give both the same name"
    raise OptionError(f"{message.format(_listed(missing))}; {remedy}")


def alike_names(first: str, second: str) -> bool:
    """Whether two names are one but for capitals, an extension, a folder or a channel.

    Examples
    --------
    >>> alike_names("meeting", "audio/Meeting.wav")
    True
    >>> alike_names("call/1", "call/A")
    True
    >>> alike_names("meeting", "greeting")
    False

    Chapter: evaluation
    """
    return bool(_forms(first) & _forms(second))


def _forms(name: str) -> set[str]:
    """A name without what often differs between two tools."""
    name = name.casefold()
    head, _, tail = name.rpartition("/")
    forms = {name, head, tail} if head and len(tail) > 2 else {name, head or name}
    return forms | {re.sub(r"\.[a-z][a-z0-9]{1,4}$", "", form) for form in forms}


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more recordings"
