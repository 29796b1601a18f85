"""A voiceprint as plain values: one row of a store, or one line of an export; both are checked when they are read.

Chapter: voiceprints
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import numpy as np

from diarbook.errors import VoiceprintError
from diarbook.files import is_device
from diarbook.voiceprints.voiceprint import Consent, Voiceprint, now

COLUMNS = (
    "name",
    "vector",
    "net_speech",
    "samples",
    "quality",
    "created",
    "statement",
    "given",
    "expires",
    "metadata",
    "enrolled",
)
"""Of the table ``voiceprint``; an export adds ``model`` and ``model_version``."""

LENGTH_TOLERANCE = 1e-3
"""How far the length of a stored vector may be from 1."""


def to_row(one: Voiceprint) -> tuple[object, ...]:
    """The values of ``COLUMNS``, as SQLite keeps them.

    Chapter: voiceprints
    """
    consent = one.consent
    return (
        one.name,
        one.vector.astype("<f4").tobytes(),
        float(one.net_speech),
        int(one.samples),
        None if math.isnan(one.quality) else float(one.quality),
        one.created.isoformat(),
        consent.statement,
        consent.given.isoformat(),
        None if consent.expires is None else consent.expires.isoformat(),
        json.dumps(dict(one.metadata), ensure_ascii=False, sort_keys=True),
        None if one.enrolled is None else one.enrolled.astype("<f4").tobytes(),
    )


def from_row(row: tuple[object, ...], identity: tuple[str, str, int]) -> Voiceprint:
    """The voiceprint of a row, as :func:`to_row` gives it.

    Parameters
    ----------
    row : tuple
    identity : tuple of str, str and int
        Model, version and dimension of the store.

    Raises
    ------
    VoiceprintError
        When a value is missing or impossible; it says which, and not of whom.

    Chapter: voiceprints
    """
    values = dict(zip(COLUMNS, row, strict=True))
    model, version, dimension = identity
    metadata = values["metadata"]
    if isinstance(metadata, str):
        values["metadata"] = _parsed(metadata, "metadata")
    one = _voiceprint(values | {"model": model, "model_version": version})
    if one.dimension != dimension:
        raise VoiceprintError(f"the vector has {one.dimension} numbers, expected {dimension}")
    return one


def to_dict(one: Voiceprint) -> dict[str, object]:
    """A voiceprint as plain values, as ``export`` writes it.

    Chapter: voiceprints
    """
    values = dict(zip(COLUMNS, to_row(one), strict=True))
    for name in ("vector", "enrolled"):
        values[name] = None if values[name] is None else base64.b64encode(values[name]).decode("ascii")
    return values | {"metadata": dict(one.metadata), "model": one.model, "model_version": one.model_version}


def from_dict(values: Mapping[str, object]) -> Voiceprint:
    """The voiceprint of plain values, as :func:`to_dict` gives them.

    Raises
    ------
    VoiceprintError
        When a value is missing, unknown or impossible; it says which.

    Chapter: voiceprints
    """
    if not isinstance(values, Mapping):
        raise VoiceprintError(f"expected an object of names and values, got {_short(values)}")
    fields = (*COLUMNS, "model", "model_version")
    if unknown := sorted(set(values) - set(fields)):
        raise VoiceprintError(f"{_short(unknown[0])} is no value of a voiceprint; known: {', '.join(fields)}")
    plain = {"enrolled": None, **values}  # an export of before adaptation has no "enrolled"
    for name in ("vector", "enrolled"):
        if isinstance(plain.get(name), str):
            plain[name] = _decoded(plain[name], name)
    return _voiceprint(plain)


def read_export(path: str | os.PathLike[str]) -> list[Voiceprint]:
    """The voiceprints of a file that ``export`` wrote; nothing is kept.

    Raises
    ------
    VoiceprintError
        With file and line: no voiceprint, a name that was there on an earlier line, a consent that has ended.

    Chapter: voiceprints
    """
    try:
        if is_device(path):
            raise VoiceprintError(f"{path}: is a device, which may have no end; give a file of `store export`")
        text = Path(path).read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise VoiceprintError(f"{path}: cannot be read ({error.strerror}); give a file of `store export`") from None
    except UnicodeDecodeError as error:
        raise VoiceprintError(f"{path}: byte {error.start} is not UTF-8; give a file of `store export`") from None
    voiceprints: list[Voiceprint] = []
    lines: dict[str, int] = {}
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            one = from_dict(_parsed(line, "the line"))
            one.require_consent()
        except VoiceprintError as error:
            raise VoiceprintError(f"{path}:{number}: is no voiceprint to keep: {error}") from None
        if one.name in lines:
            raise VoiceprintError(
                f"{path}:{number}: {one.name} is on line {lines[one.name]} already; remove one of the two"
            )
        lines[one.name] = number
        voiceprints.append(one)
    return voiceprints


def end_of(expires: object) -> datetime | None:
    """The moment at which a consent ends, from the text that a store keeps; None when it does not end.

    Raises
    ------
    VoiceprintError

    Chapter: privacy
    """
    if expires is None:
        return None
    end = _moment({"expires": expires}, "expires")
    if end.tzinfo is None:
        raise VoiceprintError(f"expires {end.isoformat()} has no time zone; add one, such as +00:00")
    return end


def _voiceprint(values: Mapping[str, object]) -> Voiceprint:
    """Every kind of value is checked here; what it may be is checked by :class:`Voiceprint` and :class:`Consent`."""
    if missing := sorted({*COLUMNS, "model", "model_version"} - set(values)):
        raise VoiceprintError(f"the value {missing[0]!r} is missing")
    consent = Consent(_text(values, "statement"), _moment(values, "given"), end_of(values["expires"]))
    return Voiceprint(
        _text(values, "name"),
        _vector(values, "vector"),
        _text(values, "model"),
        _text(values, "model_version"),
        _number(values, "net_speech"),
        _whole(values, "samples"),
        math.nan if values["quality"] is None else _number(values, "quality"),
        _moment(values, "created"),
        consent,
        _metadata(values),
        None if values["enrolled"] is None else _vector(values, "enrolled"),
    )


def _text(values: Mapping[str, object], name: str) -> str:
    value = values[name]
    if not isinstance(value, str):
        raise VoiceprintError(f"{name} is {_short(value)}, expected a text")
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise VoiceprintError(f"{name} is {_short(value)}, which is no Unicode text")
    return value


def _number(values: Mapping[str, object], name: str) -> float:
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300:
        raise VoiceprintError(f"{name} is {_short(value)}, expected a number")
    return float(value)


def _whole(values: Mapping[str, object], name: str) -> int:
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, int) or not abs(value) < 2**63:
        raise VoiceprintError(f"{name} is {_short(value)}, expected a whole number")
    return value


def _moment(values: Mapping[str, object], name: str) -> datetime:
    value = values[name]
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise VoiceprintError(f"{name} is {_short(value)}, expected a time such as {now().isoformat()}") from None


def _vector(values: Mapping[str, object], name: str) -> np.ndarray:
    value = values[name]
    if not isinstance(value, bytes):
        raise VoiceprintError(f"{name} is {_short(value)}, expected the bytes of a vector")
    if not value or len(value) % 4:
        raise VoiceprintError(f"{name} has {len(value)} bytes, which are no float32 numbers")
    vector = np.frombuffer(value, dtype="<f4")
    length = float(np.linalg.norm(vector.astype(np.float64)))
    if abs(length - 1) > LENGTH_TOLERANCE:
        raise VoiceprintError(f"{name} has length {length:.3g} instead of 1: it was cut or changed")
    return vector


def _metadata(values: Mapping[str, object]) -> dict[str, str]:
    value = values["metadata"]
    if not isinstance(value, Mapping):
        raise VoiceprintError(f"metadata is {_short(value)}, expected an object of names and texts")
    return {_text({"a name of metadata": key}, "a name of metadata"): _text(value, key) for key in value}


def _decoded(text: str, name: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise VoiceprintError(f"{name} is {_short(text)}, which is no base64") from None


def _parsed(text: str, what: str) -> object:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise VoiceprintError(f"{what} is no JSON at character {error.colno}") from None
    except (ValueError, RecursionError):
        raise VoiceprintError(f"{what} is no JSON: a number is too long, or it is too deep") from None


def _short(value: object) -> str:
    """A value as an error shows it: in one line, and not longer."""
    try:
        text = ascii(value)
    except (ValueError, RecursionError):  # a whole number of thousands of digits, or lists in lists without end
        return f"a {type(value).__name__}"
    return text if len(text) <= 40 else f"{text[:37]}..."
