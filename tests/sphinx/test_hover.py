import json

from tests.concepts import concept, concepts

from diarbook.knowledge.ontology import load_ontology
from diarbook.sphinx.hover import terms_script


def test_hover_definitions_are_a_small_script_without_marks():
    made = concepts(concept("a", definition="Says `x` of *speech* and $y$."), concept("b"))
    script = terms_script(made, {"a": ("g", "term-a")}, "g.html")
    data = json.loads(script.removeprefix("globalThis.wswTerms=").removesuffix(";\n"))
    assert data == {"glossary": "g.html", "terms": {"term-a": ["a", "Says x of speech and y."]}}
    book = load_ontology()
    every = terms_script(book, {name: ("g", f"term-{name}") for name in book}, "g.html")
    assert len(every.encode()) < 150_000
