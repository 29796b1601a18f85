"""Tables kept as YAML: read once, checked against a JSON Schema, and every fault named with file, line and row.

Chapter: ontology
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from diarbook.errors import KnowledgeError

if TYPE_CHECKING:
    from jsonschema import ValidationError

_NAMES = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
    "null": "empty",
}
"""What a reader calls the types of JSON."""

_SHOWN = 60
"""Letters of a wrong value that a message shows."""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One row of a table.

    Parameters
    ----------
    fields : mapping of str to object
    file : str
        Name of the file.
    lines : mapping of str to int
        Line of each field; ``id`` is the line where the row starts.

    Chapter: ontology
    """

    fields: Mapping[str, Any]
    file: str
    lines: Mapping[str, int]

    def text(self, name: str) -> str | None:
        """A field's text on one line; None when it is empty or absent."""
        return " ".join((self.fields.get(name) or "").split()) or None

    def texts(self, name: str) -> tuple[str, ...]:
        """A field's list of texts, each on one line; empty when it is absent."""
        return tuple(" ".join(item.split()) for item in self.fields.get(name) or ())

    @property
    def location(self) -> str:
        """File, line and id, as a fault names them."""
        owner = self.fields.get("id")
        return location(self.file, self.lines) + (f": {owner}" if owner else "")


def location(file: str, lines: Mapping[str, int], field: str = "id") -> str:
    """File and line of a field; the line where its row starts when the field is not there.

    Chapter: ontology
    """
    return f"{file}:{lines.get(field, lines.get('id', 1))}"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """A loader that reads what JSON can hold: days stay texts, and no mapping names a field twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        names: set[str] = set()
        for key, _ in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                raise yaml.constructor.ConstructorError(None, None, "a field's name must be a text", key.start_mark)
            if key.value in names:
                raise yaml.constructor.ConstructorError(
                    None, None, f"field {key.value!r} occurs twice; keep one", key.start_mark
                )
            names.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rules if not tag.endswith(":timestamp")]
    for first, rules in _Loader.yaml_implicit_resolvers.items()
}


def read_table(path: Path, schema: str, part: str | None = None) -> list[Row]:
    """Rows of a YAML file, in its order.

    Parameters
    ----------
    path : path
        A list of mappings, or a mapping with such a list under ``part``; an empty file has no rows.
    schema : str
        JSON Schema (draft 2020-12) of the whole file. ``explanation`` in a schema is what a message says instead of
        the validator's own words.
    part : str, optional
        The list to return.

    Raises
    ------
    KnowledgeError
        With file, line and row: not readable, not YAML, a field that occurs twice, or against the schema.

    Chapter: ontology
    """
    path = Path(path)
    data, node = _parsed(path)
    _check(path.name, data, node, json.loads(schema))
    top = node if part is None or node is None else next(value for key, value in node.value if key.value == part)
    rows = data if part is None else data[part]
    return [
        Row(fields, path.name, _lines(row)) for fields, row in zip(rows or [], top.value if top else [], strict=True)
    ]


def _parsed(path: Path) -> tuple[Any, yaml.Node | None]:
    try:
        loader = _Loader(path.read_text(encoding="utf-8"))
        try:
            node = loader.get_single_node()
            return (None if node is None else loader.construct_document(node)), node
        finally:
            loader.dispose()
    except OSError as error:
        raise KnowledgeError(f"{path.name}: cannot be read ({error.strerror})") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        raise KnowledgeError(f"{path.name}{line}: not valid YAML ({error.problem or error.context})") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise KnowledgeError(f"{path.name}: not valid YAML ({' '.join(str(error).split())})") from None


def _lines(row: yaml.Node) -> dict[str, int]:
    fields = {key.value: key.start_mark.line + 1 for key, _ in row.value if key.value != "id"}
    return {"id": row.start_mark.line + 1} | fields


def _check(file: str, data: Any, node: yaml.Node | None, schema: Mapping[str, Any]) -> None:
    try:
        from jsonschema import Draft202012Validator, FormatChecker
    except ImportError:
        raise KnowledgeError("jsonschema is missing; install the package's `book` extra") from None
    if node is None and schema.get("type") == "array":
        data = []
    faults = list(Draft202012Validator(schema, format_checker=FormatChecker()).iter_errors(data))
    if faults:
        # The first row; in it a field that nobody knows before the one that is missing for it.
        first = min(faults, key=lambda fault: (_row_line(node, fault), not _unknown_fields(fault), _line(node, fault)))
        raise KnowledgeError(f"{file}:{_line(node, first)}: {_owner(data, first)}{_explained(first)}")


def _line_of(node: yaml.Node | None, steps: Sequence[str | int]) -> int:
    """Line of the innermost key or element that a path leads to."""
    line = 1
    for step in steps:
        if isinstance(node, yaml.SequenceNode):
            node = node.value[step]
            line = node.start_mark.line + 1
        elif isinstance(node, yaml.MappingNode):
            key, node = next(((key, value) for key, value in node.value if key.value == step), (None, None))
            line = key.start_mark.line + 1 if key else line
    return line


def _line(node: yaml.Node | None, fault: ValidationError) -> int:
    return _line_of(node, [*fault.absolute_path, *_unknown_fields(fault)[:1]])


def _row_line(node: yaml.Node | None, fault: ValidationError) -> int:
    steps = list(fault.absolute_path)
    return _line_of(node, steps[: _row_step(steps) + 1])


def _row_step(steps: Sequence[str | int]) -> int:
    """Which step of a path is the row's number; -1 when the fault is above the rows."""
    return next((index for index, step in enumerate(steps) if isinstance(step, int)), -1)


def _owner(data: Any, fault: ValidationError) -> str:
    """The row that a fault belongs to: its id, or else its number."""
    steps = list(fault.absolute_path)
    number = _row_step(steps)
    if number < 0:
        return ""
    for step in steps[: number + 1]:
        data = data[step]
    named = isinstance(data, dict) and isinstance(data.get("id"), str)
    return f"{data['id'] if named else f'row {steps[number] + 1}'}: "


def _unknown_fields(fault: ValidationError) -> list[str]:
    if fault.validator != "additionalProperties":
        return []
    return sorted(set(fault.instance) - set(fault.schema.get("properties", {})), key=list(fault.instance).index)


def _explained(fault: ValidationError) -> str:
    """What is wrong in one plain sentence."""
    steps = list(fault.absolute_path)
    name = ".".join(map(str, steps[_row_step(steps) + 1 :]))
    prefix = f"field {name!r} " if name else ""
    value = repr(fault.instance)
    value = value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"
    if explanation := fault.schema.get("explanation"):
        return f"{prefix}{explanation}" + (f", got {value}" if name else "")
    if fault.validator == "required":
        missing = next(field for field in fault.validator_value if field not in fault.instance)
        return f"field {'.'.join(filter(None, [name, missing]))!r} is missing"
    if unknown := _unknown_fields(fault):
        known = ", ".join(sorted(fault.schema.get("properties", {})))
        return f"unknown field {'.'.join(filter(None, [name, unknown[0]]))!r}; known: {known}"
    if fault.validator == "type":
        kinds = [fault.validator_value] if isinstance(fault.validator_value, str) else fault.validator_value
        return f"{prefix}must be {' or '.join(_NAMES[kind] for kind in kinds)}, got {value}"
    if fault.validator == "enum":
        return f"{prefix}is {value}; known: {', '.join(map(str, fault.validator_value))}"
    return f"{prefix}{fault.message}" if name else fault.message
