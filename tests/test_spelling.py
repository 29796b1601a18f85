"""One spelling: American, in what a reader reads and in what the program says."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

Z_VERBS = (
    "anonym|author|categor|character|critic|digit|discret|emphas|equal|final|general|harmon|ideal|initial|item|local"
    "|maxim|memor|minim|neutral|normal|optim|organ|parallel|penal|pessim|prior|quant|random|real|recogn|regular|serial"
    "|special|stabil|standard|summar|symbol|synchron|token|util|vector|visual"
)
OUR_WORDS = "armo|behavio|colo|endeavo|favo|flavo|harbo|hono|humo|labo|neighbo|rumo|vapo|vigo"
DOUBLED = "cancel|channel|fuel|label|level|model|relabel|signal|total|travel|unlabel"

BRITISH = {
    rf"(?:{Z_VERBS})is(?:e|es|ed|er|ers|ing|ation|ations|able)": "-ize",
    rf"(?:{OUR_WORDS})ur\w*": "-or",
    rf"(?:{DOUBLED})l(?:ed|ing|er|ers)": "one l",
    "enrol|enrols|enrolments?": "enroll",
    "fulfil|fulfils|fulfilment|instalments?|skilful\\w*": "double l",
    "analys(?:e|ed|er|ers|ing)": "analyze",
    "centre(?:s|d)?|centring": "center",
    "(?:fib|lit|met|theat)res?": "-er",
    "licence\\w*|defences?|offences?|pretences?": "-ense",
    "practis(?:e|ed|es|ing)": "practice",
    "grey\\w*": "gray",
    "catalogues?d?": "catalog",
    "programmes?": "program",
    "(?:acknowledg|judg)ements?|age?ing(?<=ageing)": "no e",
    "artefacts?": "artifact",
    "whilst|amongst": "while, among",
    "learnt|spelt|dreamt": "-ed",
    "sceptic\\w*|moulds?|ploughs?|tyres?|cheques?|aluminium|storeys?|orientated|maths": "the American word",
    r"per cent": "percent",
}
"""British spellings, each a pattern of whole words, and what to write instead."""

EXEMPT = re.compile(
    r"kelly2013ageing|ai2025voxageing"  # keys of the bibliography
    r"|(?<=[\"'\[{,. ])(?:licence|organisation)(?=[\"':.])"  # keys of the registries
    r"|^(?:licence|organisation)(?=:)|^ *not_verified: .*$"
    r"|enrol(?=\\w|\|)"  # a pattern that looks for either spelling
    r"|enrolments that a killed writer"  # the card of a measurement, which its next run writes anew
    r"|approximate.nearest.neighbour.search|Template ageing|template-ageing",  # identifiers of concepts
    re.MULTILINE,
)
"""Names that something else gave, as they stand."""

WORD = re.compile(rf"(?<![a-z])(?:{'|'.join(BRITISH)})(?![a-z])", re.IGNORECASE)


def british(text: str) -> list[str]:
    """Line and word of every British spelling in a text."""
    text = EXEMPT.sub("", text)
    return [
        f"line {number}: {match.group()}"
        for number, line in enumerate(text.splitlines(), 1)
        for match in WORD.finditer(line)
    ]


def pages() -> list[Path]:
    """What is read: pages, the library, the registries' prose, the files at the top."""
    patterns = {
        "book": ("*.md", "*.js", "*.css", "*.html", "*.sh"),
        "notebooks": ("*.ipynb",),
        "src": ("*.py", "*.css", "*.js"),
        "benchmarks": ("*.py",),
        "data": ("*.yaml", "*.json", "*.ttl", "*.md"),
    }
    found = [path for folder, kinds in patterns.items() for kind in kinds for path in (ROOT / folder).rglob(kind)]
    found += [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "_config.yml", "_toc.yml")]
    return sorted(path for path in found if not {"_build", "cache", ".ipynb_checkpoints"} & set(path.parts))


AMERICAN = """
enrolled, enrollment, size, otherwise, promise, exercise, precise, noise, hour, four, your, analyses, characteristics,
center, meter, license, labeled, modeling, cancellation, aging, percent, program, programming, gray, color
"""


def test_both_spellings_are_told_apart():
    assert british(AMERICAN) == []
    for word in (
        "enrol",
        "Enrolment",
        "recognised",
        "colours",
        "cluster_centres",
        "neighbouring",
        "licence",
        "labelled",
    ):
        assert british(word) == [f"line 1: {word.removeprefix('cluster_')}"], word
    assert british("fine\nten per cent of ageing metres") == ["line 2: per cent", "line 2: ageing", "line 2: metres"]


def test_there_is_something_to_read():
    assert len(pages()) > 100


@pytest.mark.parametrize("path", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_the_spelling_is_american(path):
    assert british(path.read_text(encoding="utf-8")) == []
