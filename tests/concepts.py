"""Concepts for tests."""

from diarbook.knowledge.ontology import Concept

TEXTS = {"kind": "method", "definition": "D.", "expert": "E.", "topic": "start"}


def concept(name, **fields):
    return Concept(id=name, **{"label": name.replace("-", " "), **TEXTS, **fields})


def concepts(*rows):
    return {row.id: row for row in rows}


def field():
    return concepts(
        concept("s1"),
        concept("s2"),
        concept("f1", topic="features", related=("s1", "s2")),
        concept("f2", topic="features"),
        concept("v1", topic="vad", broader=("f1",), related=("f2", "s1", "s2")),
        concept("c1", topic="clustering", stage=("v1",)),
    )
