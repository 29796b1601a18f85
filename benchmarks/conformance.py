"""Every case of data/conformance through this book's scorer and through others, as a table of who agrees.

The other scorers get the case's protocol in their own terms (pyannote.metrics takes twice the collar, because its
collar is the whole width). Where one answers otherwise, the case records the answer and the reason under ``others``;
a scorer without a record there agreed. meeteval calls NIST's Perl script md-eval-22.pl, which it does not contain: it
is called when the script is on the PATH, and its recorded answers are shown otherwise.

Run: python benchmarks/conformance.py
"""

from __future__ import annotations

import json
import math
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from fractions import Fraction
from io import StringIO
from pathlib import Path

import numpy as np
import yaml

from diarbook.errors import DiarbookError
from diarbook.files import repository_root
from diarbook.knowledge.measuring import write_evidence
from diarbook.metrics import diarization_errors, jaccard_errors, mean_rate, pool, pool_jaccard
from diarbook.metrics.peers import by_pyannote, by_simpleder, by_spyder
from diarbook.rttm import parse_rttm, parse_uem
from diarbook.turns import Turn, to_annotation

FOLDER = repository_root() / "data" / "conformance"
SCORERS = {
    "pyannote.metrics": "pyannote.metrics",
    "spyder": "spy-der",
    "simpleder": "simpleder",
    "meeteval": "meeteval",
}
TOLERANCE = 1e-6  # md-eval prints six decimals of a second
CANNOT = "cannot"


def load_cases(folder: Path = FOLDER) -> list[dict]:
    """All cases, each with the topic of its file."""
    cases = []
    for path in sorted(folder.glob("*.yaml")):
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        cases += [{"topic": document["topic"], **case} for case in document["cases"]]
    return cases


def number(value) -> float:
    """A number of a case: 2, 0.5 or "1/3"; null is NaN."""
    return math.nan if value is None else float(Fraction(value)) if isinstance(value, str) else float(value)


def turns(value) -> dict[str, list[Turn]]:
    """One side of a case, by recording: a list of turns, or the text of an RTTM file."""
    return parse_rttm(value) if isinstance(value, str) else {"one": [Turn(*row) for row in value]}


def sides(case: Mapping) -> tuple[dict[str, list[Turn]], dict[str, list[Turn]]]:
    """Reference and hypothesis of a case, by recording."""
    if "files" not in case:
        return turns(case["reference"]), turns(case["hypothesis"])
    both = ({}, {})
    for name, file in case["files"].items():
        for side, key in zip(both, ("reference", "hypothesis"), strict=True):
            if key in file:
                side[name] = turns(file[key])["one"]
    return both


def regions(case: Mapping) -> dict[str, np.ndarray] | None:
    """The UEM of a case, by recording."""
    uem = case.get("options", {}).get("uem")
    return parse_uem(uem) if isinstance(uem, str) else None if uem is None else {"one": np.array(uem, dtype=float)}


def ours(case: Mapping) -> dict:
    """What this book's scorer answers, with the keys of ``expected``."""
    options = {key: value for key, value in case.get("options", {}).items() if key != "uem"}
    jaccard = case.get("metric") == "jer"
    try:
        errors = (jaccard_errors if jaccard else diarization_errors)(*sides(case), uem=regions(case), **options)
    except DiarbookError as error:
        return {"error": str(error)}
    files = {name: describe(error, jaccard) for name, error in errors.items()}
    if len(files) == 1 and "files" not in case["expected"]:
        return next(iter(files.values()))
    whole = describe((pool_jaccard if jaccard else pool)(errors.values()), jaccard)
    rates = [error.rate for error in errors.values() if not math.isnan(error.rate)]
    mean = (math.fsum(rates) / len(rates) if rates else math.nan) if jaccard else mean_rate(errors.values())
    return {**whole, "files": files, "mean_rate": mean}


def describe(error, jaccard: bool) -> dict:
    """One result as a dictionary."""
    fields = ("speakers",) if jaccard else ("missed", "false_alarm", "confusion", "total", "mapping")
    return {**{field: getattr(error, field) for field in fields}, "rate": error.rate, "reason": error.reason}


def meeteval_runs() -> bool:
    """Whether the script that meeteval needs is here; it would be downloaded otherwise."""
    return shutil.which("md-eval-22.pl") is not None and shutil.which("perl") is not None


def answer(case: Mapping, scorer: str, arguments: Mapping | None = None) -> float | str:
    """The rate that another scorer gives for a case; the exception's name, or ``CANNOT``.

    ``arguments`` replace those that follow from the case's protocol.
    """
    references, hypotheses = sides(case)
    uem, options = regions(case), case.get("options", {})
    matched = references.keys() == hypotheses.keys() or bool(uem) or "files" not in case
    call = {
        "collar": options.get("collar", 0.0) * (2 if scorer == "pyannote.metrics" else 1),
        "skip_overlap": options.get("skip_overlap", False),
        **(arguments or {}),
    }
    method = CALLS.get((scorer, case.get("metric", "der")))
    if method is None or (uem is not None and scorer == "simpleder") or (not matched and scorer == "pyannote.metrics"):
        return CANNOT
    names = references if matched else {**references, **hypotheses}
    missing = [name for name in names if name not in hypotheses]
    if matched and missing:
        hypotheses = {**hypotheses, **{name: [] for name in missing}}
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")  # about missing UEMs, which is the point of some cases
            return float(method(references, hypotheses, uem, call))
    except Exception as error:
        return type(error).__name__


def pyannote_der(references, hypotheses, uem, call) -> float:
    """pyannote.metrics, errors accumulated over the files."""
    if len(references) == 1:
        ((name, reference),) = references.items()
        return by_pyannote(reference, hypotheses[name], **call, uem=None if uem is None else uem[name])
    return _accumulated("DiarizationErrorRate", references, hypotheses, call)


def pyannote_jer(references, hypotheses, uem, call) -> float:
    """Jaccard error rate of pyannote.metrics, accumulated over the files."""
    return _accumulated("JaccardErrorRate", references, hypotheses, call)


def _accumulated(name: str, references, hypotheses, call) -> float:
    from pyannote.metrics import diarization

    metric = getattr(diarization, name)(**call)
    for recording, reference in references.items():
        metric(to_annotation(reference), to_annotation(hypotheses[recording]))
    return abs(metric)


def _rows(side) -> dict[str, list[tuple[str, float, float]]]:
    return {name: [(turn.speaker, turn.start, turn.end) for turn in turns] for name, turns in side.items()}


class Crash(Exception):
    """The scorer ended its process."""


SPYDER_CORPUS = """
import json, sys, spyder
*sides, collar, area = json.load(sys.stdin)
sides = [{name: [tuple(row) for row in rows] for name, rows in side.items()} for side in sides]
print(spyder.DER(*sides, collar=collar, regions=area, verbose=False)["Overall"].der)
"""


def spyder_der(references, hypotheses, uem, call) -> float:
    """Spyder: one file by itself, several by its corpus call."""
    if len(references) == 1 == len(hypotheses):
        ((name, reference),) = references.items()
        return by_spyder(reference, hypotheses[name], **call, uem=None if uem is None else uem[name])
    area = "nonoverlap" if call["skip_overlap"] else "all"
    # In a process of its own, because a corpus with a silent file ends the process.
    done = subprocess.run(
        [sys.executable, "-c", SPYDER_CORPUS],
        input=json.dumps([_rows(references), _rows(hypotheses), call["collar"], area]),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise Crash
    return float(done.stdout.splitlines()[-1])


def simpleder_der(references, hypotheses, uem, call) -> float:
    """Simpleder: one file by itself, several by its corpus call."""
    if len(references) == 1 == len(hypotheses):
        ((name, reference),) = references.items()
        return by_simpleder(reference, hypotheses[name], **call)
    import simpleder

    return simpleder.corpus_der(_rows(references), _rows(hypotheses), **call)


def simpleder_jer(references, hypotheses, uem, call) -> float:
    """Jaccard error rate of simpleder."""
    import simpleder

    return simpleder.corpus_jer(_rows(references), _rows(hypotheses), **call)


def meeteval_der(references, hypotheses, uem, call) -> float:
    """md-eval-22 through meeteval; its parts, because the rate is rounded to 0.01 %."""
    import meeteval.io
    from meeteval.der.md_eval import md_eval_22_multifile

    results = md_eval_22_multifile(
        _segments(references),
        _segments(hypotheses),
        collar=call["collar"],
        regions="nooverlap" if call["skip_overlap"] else "all",
        uem=None if uem is None else meeteval.io.UEM.parse(_uem_text(uem)),
    ).values()
    parts = ("missed_speaker_time", "falarm_speaker_time", "speaker_error_time")
    return sum(getattr(result, part) for result in results for part in parts) / sum(
        result.scored_speaker_time for result in results
    )


def _segments(side):
    import meeteval.io

    lines = [
        f"SPEAKER {name} 1 {turn.start:.6f} {turn.duration:.6f} <NA> <NA> {turn.speaker} <NA> <NA>\n"
        for name, turns in side.items()
        for turn in turns
    ]
    return meeteval.io.RTTM.parse("".join(lines))


def _uem_text(uem) -> str:
    return "".join(f"{name} 1 {start:.6f} {end:.6f}\n" for name, rows in uem.items() for start, end in rows)


CALLS = {
    ("pyannote.metrics", "der"): pyannote_der,
    ("pyannote.metrics", "jer"): pyannote_jer,
    ("spyder", "der"): spyder_der,
    ("simpleder", "der"): simpleder_der,
    ("simpleder", "jer"): simpleder_jer,
    ("meeteval", "der"): meeteval_der,
}


def recorded(record: Mapping) -> float | str:
    """The answer that a record of ``others`` holds."""
    return record["error"] if "error" in record else number(record["rate"])


def same(one: float | str, other: float | str) -> bool:
    """Whether two answers are the same: the same word, both undefined, or equal numbers."""
    if isinstance(one, str) or isinstance(other, str):
        return one == other
    return one == other or abs(one - other) <= TOLERANCE or (math.isnan(one) and math.isnan(other))


def expected_answer(case: Mapping) -> float | str:
    """The right answer: a rate, or the word for an error."""
    return "error" if "error" in case["expected"] else number(case["expected"]["rate"])


def agrees(case: Mapping, given: float | str) -> bool:
    """Whether another scorer's answer is the right one; any exception is a refusal."""
    right = expected_answer(case)
    return isinstance(given, str) and given != CANNOT if right == "error" else same(given, right)


def findings(case: Mapping) -> Iterator[tuple[str, Mapping, float | str, Mapping | None]]:
    """``(scorer, arguments, answer, record)`` for every scorer and every call that the case records."""
    records = case.get("others", [])
    for scorer in SCORERS:
        mine = [record for record in records if record["scorer"] == scorer]
        plain = next((record for record in mine if "arguments" not in record), None)
        for record in [plain, *(record for record in mine if record is not plain)]:
            arguments = {} if record is None else record.get("arguments", {})
            if scorer == "meeteval" and not meeteval_runs():
                can = (scorer, case.get("metric", "der")) in CALLS
                given = recorded(record) if record else expected_answer(case) if can else CANNOT
            else:
                given = answer(case, scorer, arguments)
            yield scorer, arguments, given, record


def shown(value: float | str) -> str:
    """An answer as the table shows it."""
    if isinstance(value, str):
        return {CANNOT: "–", "error": "refuses"}.get(value, f"fails: {value}")
    if math.isnan(value):
        return "undefined"
    return "infinite" if math.isinf(value) else f"{100 * value:.2f} %"


COLUMNS = {
    "topic": "Topic",
    "case": "Case",
    "right": "By hand",
    "ours": "diarbook",
    "pyannote.metrics": "pyannote.metrics",
    "spyder": "spyder",
    "simpleder": "simpleder",
    "meeteval": "md-eval 22 (meeteval)",
    "differs": "Differ",
    "why": "Why",
}


def rows(cases: list[dict]) -> list[dict[str, str]]:
    """Rows of the table: a case each, and one more for each other call of a scorer; disagreements first."""
    table = []
    for case in cases:
        result = ours(case)
        mine = "error" if "error" in result else result["rate"]
        row = {
            "topic": case["topic"],
            "case": case["id"],
            "right": shown(expected_answer(case)),
            "ours": shown(mine),
        }
        extra, differs, why = [], [], []
        for scorer, arguments, given, record in findings(case):
            right = given == CANNOT or agrees(case, given)
            if arguments:
                call = ", ".join(f"{key}={value}" for key, value in arguments.items())
                extra.append(
                    {
                        **{key: row[key] for key in ("topic", "right", "ours")},
                        "case": f"{case['id']}, {scorer} called with {call}",
                        **{name: shown(given) if name == scorer else "–" for name in SCORERS},
                        "differs": "" if right else scorer,
                        "why": record["why"].strip(),
                    }
                )
                continue
            row[scorer] = shown(given)
            if not right:
                differs.append(scorer)
                why.append((scorer, record["why"].strip() if record else "not explained"))
        for record in case.get("others", []):
            if record["scorer"] not in SCORERS:
                extra.append(
                    {
                        **{key: row[key] for key in ("topic", "right", "ours")},
                        **dict.fromkeys(SCORERS, "–"),
                        "case": f"{case['id']}, {record['scorer']}: {shown(recorded(record))}",
                        "differs": record["scorer"],
                        "why": record["why"].strip(),
                    }
                )
        row["differs"] = ", ".join(differs)
        row["why"] = reasons(why)
        table += [row, *extra]
    return sorted(table, key=lambda row: not row["differs"])


def reasons(why: list[tuple[str, str]]) -> str:
    """Reasons with the scorers that share them."""
    grouped: dict[str, list[str]] = {}
    for scorer, text in why:
        grouped.setdefault(text, []).append(scorer)
    return " ".join(f"{', '.join(scorers)}: {text}" for text, scorers in grouped.items())


def protocol(cases: list[dict]) -> dict[str, object]:
    """What the card says of the comparison."""
    return {
        "data": f"data/conformance, {len(cases)} cases worked out by hand",
        "files": sum(len(sides(case)[0]) for case in cases),
        "reference": "written for the case; meeteval runs md-eval-22.pl of nryant/dscore, commit e02f949",
        "collar_each_side": "as each case says; twice that for pyannote.metrics",
        "overlap": "as each case says",
        "region": "as each case says; other scorers get the UEM where a case has one",
        "speakers": "as in the turns",
        "pooling": "pooled, where a case has several files",
        "command": "make conformance",
    }


def main() -> int:
    """Print the table, write the evidence, and fail when our scorer or a record is wrong."""
    cases = load_cases()
    table = rows(cases)
    for row in table:
        cells = "  ".join(f"{row.get(scorer, ''):>18}" for scorer in SCORERS)
        print(f"{row['topic']:13} {row['case'][:32]:32} {row['ours']:>10}  {cells}")
    wrong = [row["case"] for row in table if row["right"] != row["ours"]]
    unexplained = [row["case"] for row in table if "not explained" in row["why"]]
    for heading, names in (("Ours is wrong", wrong), ("Not explained", unexplained)):
        if names:
            print(f"{heading}: {', '.join(names)}")
    different = sum(bool(row["differs"]) for row in table)
    print(f"{len(cases)} cases; another scorer differs in {different} rows.")
    if not meeteval_runs():
        print("md-eval-22.pl is not on the PATH: meeteval's recorded answers are shown.")
    title = "What each scorer answers to the conformance cases"
    packages = ["diarbook", *SCORERS.values(), "numpy", "scipy"]
    print(write_evidence("conformance", title, protocol(cases), COLUMNS, table, packages=packages))
    return 1 if wrong or unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
