"""``diarbook ontology``: check and export the book's terms."""

from __future__ import annotations

import click

from diarbook.commands.common import checked_output, examples, force_option, write_output
from diarbook.commands.terminal import quiet_option, say
from diarbook.errors import KnowledgeError

_FORMATS = ("ttl", "jsonld", "csv")


def _concepts() -> dict:
    from diarbook.knowledge.ontology import load_ontology

    if concepts := load_ontology():
        return concepts
    raise KnowledgeError("the ontology is in the book's repository; run this in a clone of it")


@click.group(
    "ontology",
    short_help="Check and export the book's terms.",
    epilog=examples("diarbook ontology check", "diarbook ontology export --format ttl -o terms.ttl"),
)
def command() -> None:
    """The book's terms as data, a SKOS model."""


@command.command("check", epilog=examples("diarbook ontology check"))
@quiet_option
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
    tops = sum(concept.kind == "facet" and not concept.broader for concept in concepts.values())
    say(f"{len(concepts)} concepts below {tops} top concepts, {len(faults)} faults")
    return int(bool(faults))


@command.command("export", epilog=examples("diarbook ontology export --format csv > terms.csv"))
@click.option("--format", "form", type=click.Choice(_FORMATS), default="ttl", show_default=True, help="Of the export.")
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
@force_option
@quiet_option
def export_(form: str, output: str | None, force: bool) -> None:
    """Write the concepts as Turtle, JSON-LD or CSV."""
    from diarbook.knowledge.ontology import problems
    from diarbook.knowledge.skos import export

    if force and output is None:
        raise click.UsageError("--force replaces files; give --output with it")
    path = None if output is None else checked_output(output, force=force)
    concepts = _concepts()
    if faults := problems(concepts):
        raise KnowledgeError(f"{len(faults)} faults, the first: {faults[0]}; see `diarbook ontology check`")
    write_output(export(concepts, form), path)
