"""``diarbook score``: how wrong is a diarization, and by which protocol."""

from __future__ import annotations

import json

import click

from diarbook.commands.common import STANDARD_INPUT, check_one_standard_input, examples, input_name, read_input
from diarbook.commands.terminal import note, quiet_option


@click.command(
    "score",
    short_help="Score a diarization against a reference.",
    epilog=examples(
        "diarbook score reference.rttm system.rttm --collar 0.25",
        "diarbook score references systems --preset nist --per-file --json",
        "diarbook diarize talk.wav | diarbook score talk.rttm -",
    ),
)
@click.argument("reference", metavar="REF")
@click.argument("hypothesis", metavar="HYP")
@click.option("--uem", metavar="FILE", help="UEM file with the regions to score.")
@click.option(
    "--preset",
    type=click.Choice(["full", "fair", "forgiving", "nist", "pyannote"]),
    default="full",
    show_default=True,
    help="Protocol to start from; the options below change it.",
)
@click.option("--collar", type=float, metavar="SECONDS", help="Time removed on EACH side of a reference boundary.")
@click.option("--skip-overlap/--score-overlap", default=None, help="Leave out, or score, overlapped reference speech.")
@click.option(
    "--skip-marked/--score-marked",
    default=None,
    help="Leave out, or score, what NOSCORE and NON-LEX records of the reference mark.",
)
@click.option(
    "--mapping",
    type=click.Choice(["before_collar", "after_collar"]),
    help="Match speakers before or after the collar is removed.",
)
@click.option(
    "--region",
    type=click.Choice(["all", "reference"]),
    help="Without UEM: score all that either side mentions, or the extent of the reference.",
)
@click.option("--jer", is_flag=True, help="Show the Jaccard error rate as well.")
@click.option("--per-file", is_flag=True, help="Show each file.")
@click.option("--bootstrap", is_flag=True, help="Show intervals, from resampled files; below 5 files, their range.")
@click.option(
    "--samples", type=click.IntRange(1, 1_000_000), default=1000, show_default=True, help="Bootstrap resamples."
)
@click.option("--level", type=float, default=0.95, show_default=True, help="Level of the interval.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the bootstrap.")
@click.option("--allow-missing", is_flag=True, help="Count a file without hypothesis as one with nobody found.")
@click.option("--allow-extra", is_flag=True, help="Ignore hypothesis files without reference.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object: rates as fractions, times in seconds.")
@quiet_option
def command(
    reference: str,
    hypothesis: str,
    uem: str | None,
    preset: str,
    collar: float | None,
    skip_overlap: bool | None,
    skip_marked: bool | None,
    mapping: str | None,
    region: str | None,
    jer: bool,
    per_file: bool,
    bootstrap: bool,
    samples: int,
    level: float,
    seed: int,
    allow_missing: bool,
    allow_extra: bool,
    as_json: bool,
) -> None:
    """Score HYP against REF, each an RTTM file of one or many recordings, a folder of such files, or - for a pipe.

    Prints the protocol, and the error pooled over all files beside the mean of the files.
    """
    from dataclasses import replace

    from diarbook.errors import RttmError
    from diarbook.metrics.files import passed_over, scoring_files
    from diarbook.metrics.protocol import preset as protocol_of
    from diarbook.metrics.report import score
    from diarbook.rttm import parse_content, read_content
    from diarbook.rttm.parse import parse_regions

    check_one_standard_input([reference, hypothesis, uem])
    chosen = {
        "collar": collar,
        "skip_overlap": skip_overlap,
        "skip_marked": skip_marked,
        "mapping": mapping,
        "region": region,
    }
    protocol = replace(protocol_of(preset), **{name: value for name, value in chosen.items() if value is not None})
    sides = [
        parse_content(read_input(path), input_name(path)) if path == STANDARD_INPUT else read_content(path)
        for path in (reference, hypothesis)
    ]
    files = scoring_files(*sides, parse_regions(read_input(uem), input_name(uem)) if uem else None)
    if not files.references and not files.hypotheses and not files.uem:
        names = " and ".join(map(input_name, (reference, hypothesis)))
        raise RttmError(f"{names}: hold no recording, so there is nothing to score; check that these are the files")
    report = score(
        files.references,
        files.hypotheses,
        protocol,
        uem=files.uem,
        marks=files.marks,
        allow_missing=allow_missing,
        allow_extra=allow_extra,
        samples=samples if bootstrap else 0,
        level=level,
        seed=seed,
    )
    for text in files.notes:
        note(text)
    if not protocol.skip_marked and (kinds := passed_over(files.marks)):
        note(f"{input_name(reference)}: passed over {' and '.join(kinds)}; --skip-marked leaves out what they mark")
    if not as_json:
        click.echo(report.to_text(per_file=per_file, jer=jer), nl=False)
        return
    document = report.to_json()
    document["protocol"] |= {"preset": preset, "uem": uem, "allow_missing": allow_missing, "allow_extra": allow_extra}
    click.echo(json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False))
