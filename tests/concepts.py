"""Concepts for tests."""

from diarbook.knowledge.ontology import Concept

TEXTS = {"kind": "term", "definition": "D.", "expert": "E.", "chapter": "start"}


def concept(name, **fields):
    return Concept(id=name, **{"label": name.replace("-", " "), **TEXTS, **fields})


def concepts(*rows):
    return {row.id: row for row in rows}


def field():
    return concepts(
        concept("s1"),
        concept("s2"),
        concept("f1", chapter="features", related=("s1", "s2")),
        concept("f2", chapter="features"),
        concept("v1", chapter="vad", broader=("f1",), related=("f2", "s1", "s2")),
        concept("c1", chapter="clustering", stage=("v1",)),
    )
