"""Which tool fits a need: questions and rules as data (``data/landscape/chooser.yaml``), and the first rule that fits.

Chapter: landscape
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from diarbook.errors import KnowledgeError
from diarbook.knowledge.landscape import Entry, landscape_folder
from diarbook.knowledge.ontology import Loader, line_numbers


@dataclass(frozen=True, slots=True)
class Question:
    """One question with its options.

    Parameters
    ----------
    id, text : str
    options : mapping of str to str
        Label by id.
    tasks : tuple of str
        Answers to the first question for which it is asked; empty asks it always.

    Chapter: landscape
    """

    id: str
    text: str
    options: Mapping[str, str]
    tasks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Use:
    """One recommendation.

    Parameters
    ----------
    kind : str
        A kind of the landscape, or ``book`` for a chapter.
    id : str
    needs : mapping of str to object
        Values, or lists of values, that the entry's fields must hold; a dot leads into a mapping.

    Chapter: landscape
    """

    kind: str
    id: str
    needs: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Rule:
    """What to use when, and why.

    Parameters
    ----------
    id : str
    when : mapping of str to tuple of str
        Answers that fit, by question; a question that is not named fits with any answer.
    use : tuple of Use
    because, watch_out : str
    sources, evidence : tuple of str
        Keys of the bibliography, and names of evidence.
    place : str
        File, line and id, as a fault names them.

    Chapter: landscape
    """

    id: str
    when: Mapping[str, tuple[str, ...]]
    use: tuple[Use, ...]
    because: str
    watch_out: str
    sources: tuple[str, ...]
    evidence: tuple[str, ...]
    place: str


def load_chooser(folder: Path | None = None) -> tuple[list[Question], list[Rule]]:
    """Questions and rules, checked against the JSON Schema.

    Parameters
    ----------
    folder : path, optional
        Holds ``chooser.yaml``; ``data/landscape`` by default, whose ``schema`` folder is used in any case.

    Raises
    ------
    KnowledgeError
        With file and line: not YAML, or against the schema.

    Chapter: landscape
    """
    from jsonschema import Draft202012Validator

    path = (landscape_folder() if folder is None else Path(folder)) / "chooser.yaml"
    try:
        text = path.read_text(encoding="utf-8")
        data = yaml.load(text, Loader=Loader)
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise KnowledgeError(f"{path.name}: cannot be read ({' '.join(str(error).split())})") from None
    schema = json.loads((landscape_folder() / "schema" / "chooser.json").read_text(encoding="utf-8"))
    for fault in sorted(Draft202012Validator(schema).iter_errors(data), key=lambda error: list(error.absolute_path)):
        where = ".".join(map(str, fault.absolute_path))
        raise KnowledgeError(f"{path.name}: {where}: {fault.message}")
    start = text[: text.index("\nrules:") + 1].count("\n") + 1
    lines = line_numbers(text.partition("\nrules:\n")[2])
    questions = [
        Question(
            row["id"],
            row["text"],
            {option["id"]: option["label"] for option in row["options"]},
            tuple(row.get("for", ())),
        )
        for row in data["questions"]
    ]
    rules = [
        Rule(
            row["id"],
            {name: tuple(answers) for name, answers in row["when"].items()},
            tuple(Use(item["kind"], item["id"], item.get("needs", {})) for item in row["use"]),
            row["because"],
            row["watch_out"],
            tuple(row.get("sources", ())),
            tuple(row.get("evidence", ())),
            f"{path.name}:{start + line['id']}: {row['id']}",
        )
        for row, line in zip(data["rules"], lines, strict=True)
    ]
    return questions, rules


def choose(rules: Sequence[Rule], answers: Mapping[str, str]) -> Rule | None:
    """The first rule that fits, or None.

    Parameters
    ----------
    rules : sequence of Rule
    answers : mapping of str to str
        Option by question; questions that were not asked are absent.

    Chapter: landscape
    """
    for rule in rules:
        if all(answers.get(name) in options for name, options in rule.when.items()):
            return rule
    return None


def combinations(questions: Sequence[Question]) -> Iterator[dict[str, str]]:
    """Every way to answer what is asked.

    Chapter: landscape
    """
    first = questions[0]
    for task in first.options:
        asked = [question for question in questions[1:] if not question.tasks or task in question.tasks]
        for options in itertools.product(*(question.options for question in asked)):
            yield {first.id: task, **{question.id: option for question, option in zip(asked, options, strict=True)}}


def _field(entry: Entry, key: str) -> object:
    first, _, rest = key.partition(".")
    value = entry.fields.get(first)
    return value.get(rest) if rest and isinstance(value, Mapping) else value


def problems(
    questions: Sequence[Question],
    rules: Sequence[Rule],
    entries: Mapping[str, Mapping[str, Entry]],
    chapters: Collection[str],
    sources: Collection[str],
    evidence: Collection[str],
) -> list[str]:
    """What is wrong with the chooser, one line a fault.

    An unknown question, option, entry, chapter, source or evidence; an entry that lacks what a rule needs of it; a rule
    that no answer reaches; an answer that no rule fits.

    Parameters
    ----------
    questions : sequence of Question
    rules : sequence of Rule
    entries : mapping of str to mapping of str to Entry
        Entries by id, by kind.
    chapters, sources, evidence : collection of str

    Chapter: landscape
    """
    found = []
    known = {question.id: question.options for question in questions}
    for rule in rules:
        for name, options in rule.when.items():
            if name not in known:
                found.append(f"{rule.place}: {name!r} is no question")
            else:
                found += [
                    f"{rule.place}: {one!r} is no answer to {name!r}" for one in options if one not in known[name]
                ]
        for use in rule.use:
            found += [f"{rule.place}: {fault}" for fault in _use_problems(use, entries, chapters)]
        found += [f"{rule.place}: {key!r} is not in the bibliography" for key in rule.sources if key not in sources]
        found += [f"{rule.place}: evidence {name!r} does not exist" for name in rule.evidence if name not in evidence]
    reached = set()
    for answers in combinations(questions):
        rule = choose(rules, answers)
        if rule is None:
            found.append(f"chooser.yaml: no rule fits {', '.join(answers.values())}")
        else:
            reached.add(rule.id)
    found += [f"{rule.place}: no answer reaches it" for rule in rules if rule.id not in reached]
    return found


def _use_problems(use: Use, entries: Mapping[str, Mapping[str, Entry]], chapters: Collection[str]) -> list[str]:
    if use.kind == "book":
        return [] if use.id in chapters else [f"{use.id!r} is no chapter"]
    entry = entries.get(use.kind, {}).get(use.id)
    if entry is None:
        return [f"{use.id!r} is not among the {use.kind}"]
    faults = []
    for key, wanted in use.needs.items():
        value = _field(entry, key)
        if value not in (wanted if isinstance(wanted, list) else [wanted]):
            faults.append(f"{use.id}: {key} is {value!r}, the rule needs {wanted!r}")
    return faults
