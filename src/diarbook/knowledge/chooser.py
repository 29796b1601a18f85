"""Which tool fits a need: questions and rules as data (``data/landscape/chooser.yaml``), and the first rule that fits.

Chapter: chooser
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diarbook.knowledge.landscape import Entry, landscape_folder
from diarbook.knowledge.tables import Row, read_table


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

    Chapter: chooser
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

    Chapter: chooser
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
    location : str
        File, line and id, as a fault names them.

    Chapter: chooser
    """

    id: str
    when: Mapping[str, tuple[str, ...]]
    use: tuple[Use, ...]
    because: str
    watch_out: str
    sources: tuple[str, ...]
    evidence: tuple[str, ...]
    location: str


def load_chooser(folder: Path | None = None) -> tuple[list[Question], list[Rule]]:
    """Questions and rules, checked against the JSON Schema.

    Parameters
    ----------
    folder : path, optional
        Holds ``chooser.yaml``; ``data/landscape`` by default, whose ``schema`` folder is used in any case.

    Raises
    ------
    KnowledgeError
        With file, line and rule: not YAML, or against the schema.

    Chapter: chooser
    """
    path = (landscape_folder() if folder is None else Path(folder)) / "chooser.yaml"
    schema = (landscape_folder() / "schema" / "chooser.json").read_text(encoding="utf-8")
    questions = [_question(row.fields) for row in read_table(path, schema, "questions")]
    return questions, [_rule(row) for row in read_table(path, schema, "rules")]


def _question(fields: Mapping[str, Any]) -> Question:
    options = {option["id"]: option["label"] for option in fields["options"]}
    return Question(fields["id"], fields["text"], options, tuple(fields.get("for", ())))


def _rule(row: Row) -> Rule:
    fields = row.fields
    return Rule(
        fields["id"],
        {name: tuple(answers) for name, answers in fields["when"].items()},
        tuple(Use(item["kind"], item["id"], item.get("needs", {})) for item in fields["use"]),
        fields["because"],
        fields["watch_out"],
        tuple(fields.get("sources", ())),
        tuple(fields.get("evidence", ())),
        row.location,
    )


def choose(rules: Sequence[Rule], answers: Mapping[str, str]) -> Rule | None:
    """The first rule that fits, or None.

    Parameters
    ----------
    rules : sequence of Rule
    answers : mapping of str to str
        Option by question; questions that were not asked are absent.

    Chapter: chooser
    """
    for rule in rules:
        if all(answers.get(name) in options for name, options in rule.when.items()):
            return rule
    return None


def combinations(questions: Sequence[Question]) -> Iterator[dict[str, str]]:
    """Every way to answer what is asked.

    Chapter: chooser
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

    Chapter: chooser
    """
    faults = []
    known = {question.id: question.options for question in questions}
    for rule in rules:
        for name, options in rule.when.items():
            if name not in known:
                faults.append(f"{rule.location}: {name!r} is no question")
            else:
                faults += [
                    f"{rule.location}: {one!r} is no answer to {name!r}" for one in options if one not in known[name]
                ]
        for use in rule.use:
            faults += [f"{rule.location}: {fault}" for fault in _use_faults(use, entries, chapters)]
        faults += [f"{rule.location}: {key!r} is not in the bibliography" for key in rule.sources if key not in sources]
        faults += [
            f"{rule.location}: evidence {name!r} does not exist" for name in rule.evidence if name not in evidence
        ]
    reached = set()
    for answers in combinations(questions):
        rule = choose(rules, answers)
        if rule is None:
            faults.append(f"chooser.yaml: no rule fits {', '.join(answers.values())}")
        else:
            reached.add(rule.id)
    faults += [f"{rule.location}: no answer reaches it" for rule in rules if rule.id not in reached]
    return faults


def _use_faults(use: Use, entries: Mapping[str, Mapping[str, Entry]], chapters: Collection[str]) -> list[str]:
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
