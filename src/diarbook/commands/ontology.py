"""``diarbook ontology``: check and export the book's terms."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from diarbook.errors import KnowledgeError

_FORMATS = ("ttl", "jsonld", "csv")


def _concepts() -> dict:
    from diarbook.knowledge.ontology import load_ontology

    if concepts := load_ontology():
        return concepts
    raise KnowledgeError("the ontology is in the book's repository; run this in a clone of it")


@click.group("ontology", short_help="Check and export the book's terms.")
def command() -> None:
    """The book's terms as data, a SKOS model."""


@command.command("check")
def check() -> int:
    """Print every fault as file:line: concept: what is wrong.

    The exit status is 1 when there is one.
    """
    from diarbook.files import read_data
    from diarbook.knowledge.ontology import problems
    from diarbook.knowledge.skos import missing_labels, shape_problems

    concepts = _concepts()
    faults = problems(concepts)
    if not faults:  # the graph of a broken ontology would repeat its faults
        faults = shape_problems(concepts)
    faults += [
        f"coverage.tsv: {label}: no concept has this name"
        for label in missing_labels(concepts, read_data("ontology/coverage.tsv"))
    ]
    for fault in faults:
        click.echo(fault)
    schemes = len({concept.scheme for concept in concepts.values()})
    click.echo(f"{len(concepts)} concepts in {schemes} schemes, {len(faults)} faults", err=True)
    return int(bool(faults))


@command.command("export")
@click.option("--format", "form", type=click.Choice(_FORMATS), default="ttl", show_default=True, help="Of the export.")
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
def export_(form: str, output: str | None) -> int:
    """Write the concepts as Turtle, JSON-LD or CSV."""
    from diarbook.files import write_atomically
    from diarbook.knowledge.ontology import problems
    from diarbook.knowledge.skos import export

    concepts = _concepts()
    if faults := problems(concepts):
        raise KnowledgeError(f"{len(faults)} faults, the first: {faults[0]}; see `diarbook ontology check`")
    text = export(concepts, form)
    if output:
        write_atomically(Path(output), text)
    else:
        sys.stdout.write(text)
    return 0
