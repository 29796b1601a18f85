"""Speed and memory of scorers on the same RTTM files, from reading them to the diarization error rate.

Every scorer runs in a process of its own; imports are not counted, reading the files is. Processor time is compared,
because wall time depends on what else the machine does.

Run: python benchmarks/scorer.py [--without-pyannote]
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy as np

from diarbook.knowledge.measuring import write_evidence
from diarbook.rttm import write_rttm
from diarbook.turns import Turn, merge

COLLAR = 0.25
PACKAGES = {"diarbook": "diarbook", "spyder": "spy-der", "pyannote": "pyannote.metrics"}

SCORERS = {
    "diarbook": """
from diarbook.metrics import diarization_errors, pool
from diarbook.rttm import read_rttm
def score(reference, hypothesis, collar):
    return pool(diarization_errors(read_rttm(reference), read_rttm(hypothesis), collar=collar).values()).rate
""",
    # The same reading loop as in spyder's own command line, and its corpus call.
    "spyder": """
from collections import defaultdict
import spyder
def read(path):
    turns = defaultdict(list)
    with open(path) as lines:
        for line in lines:
            parts = line.strip().split()
            start = float(parts[3])
            turns[parts[1]].append((parts[7], start, start + float(parts[4])))
    return turns
def score(reference, hypothesis, collar):
    return spyder.DER(read(reference), read(hypothesis), collar=collar)["Overall"].der
""",
    "pyannote": """
import warnings
warnings.simplefilter("ignore")
from pyannote.database.util import load_rttm
from pyannote.metrics.diarization import DiarizationErrorRate
def score(reference, hypothesis, collar):
    metric = DiarizationErrorRate(collar=2 * collar)
    ours, theirs = load_rttm(reference), load_rttm(hypothesis)
    for name in ours:
        metric(ours[name], theirs[name])
    return abs(metric)
""",
}

MEASURE = """
import json, resource, sys, time
score_path, reference, hypothesis, collar, repeats = sys.argv[1:]
{scorer}
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, times = peak(), []
for _ in range(int(repeats)):
    begin = time.process_time()
    rate = score(reference, hypothesis, float(collar))
    times.append(time.process_time() - begin)
print(json.dumps({{"seconds": min(times), "peak": peak(), "imports": before, "rate": rate}}))
"""


def conversation(rng: np.random.Generator, turns: int, speakers: int, seconds: float, prefix: str) -> list[Turn]:
    """Random turns at whole milliseconds, those of one speaker merged."""
    starts = np.sort(rng.uniform(0, seconds, turns)).round(3)
    lengths = np.clip(rng.exponential(2, turns), 0.2, None).round(3)
    who = rng.integers(0, speakers, turns)
    rows = zip(starts.tolist(), lengths.tolist(), who.tolist(), strict=True)
    return merge(Turn(start, round(start + length, 3), f"{prefix}{speaker}") for start, length, speaker in rows)


def perturbed(rng: np.random.Generator, turns: list[Turn], speakers: int) -> list[Turn]:
    """A hypothesis: every boundary moved, one label in ten wrong."""
    made = []
    for turn in turns:
        start = max(0.0, turn.start + rng.normal(0, 0.2))
        end = max(start + 0.05, turn.end + rng.normal(0, 0.2))
        who = turn.speaker.replace("ref", "hyp") if rng.random() > 0.1 else f"hyp{rng.integers(speakers)}"
        made.append(Turn(round(start, 3), round(end, 3), who))
    return made


def measure(scorer: str, reference: Path, hypothesis: Path, repeats: int) -> dict:
    """One scorer on one pair of files."""
    code = MEASURE.format(scorer=SCORERS[scorer])
    arguments = [scorer, str(reference), str(hypothesis), str(COLLAR), str(repeats)]
    done = subprocess.run([sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def main(arguments: list[str]) -> None:
    """Measure all cases and write the evidence."""
    rng = np.random.default_rng(0)
    long = {"long": conversation(rng, 20_000, 10, 36_000, "ref")}
    short = {f"file{k:04d}": conversation(rng, 20, 4, 60, "ref") for k in range(1000)}
    cases = {
        "1 file of 10 h, 20,000 turns, 10 speakers": (long, 10, {"diarbook": 5, "spyder": 5, "pyannote": 1}),
        "1,000 files of 1 min, 20 turns, 4 speakers": (short, 4, {"diarbook": 5, "spyder": 5, "pyannote": 1}),
    }
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for case, (references, speakers, repeats) in cases.items():
            reference, hypothesis = Path(folder) / "ref.rttm", Path(folder) / "hyp.rttm"
            write_rttm(reference, references)
            write_rttm(hypothesis, {name: perturbed(rng, turns, speakers) for name, turns in references.items()})
            ours = None
            for scorer, times in repeats.items():
                if scorer == "pyannote" and "--without-pyannote" in arguments:
                    continue
                result = measure(scorer, reference, hypothesis, times)
                ours = ours or result
                rows.append(
                    {
                        "case": case,
                        "scorer": f"{PACKAGES[scorer]} {version(PACKAGES[scorer])}",
                        "seconds": round(result["seconds"], 3),
                        "ratio": round(result["seconds"] / ours["seconds"], 1),
                        "memory": round(result["peak"]),
                        "added": round(result["peak"] - result["imports"]),
                        "der": round(100 * result["rate"], 3),
                    }
                )
                print(rows[-1])
    columns = {
        "case": "Case",
        "scorer": "Scorer",
        "seconds": "Processor seconds",
        "ratio": "Times ours",
        "memory": "Peak memory, MB",
        "added": "of which scoring, MB",
        "der": "DER %",
    }
    card = {
        "data": "random turns, seed 0: every boundary moved (0.2 s), one label in ten wrong",
        "files": "1 and 1,000",
        "reference": "generated",
        "collar_each_side": COLLAR,
        "overlap": "scored",
        "region": "all that either side mentions; pyannote.metrics maps after the collar, the others before",
        "speakers": "10 and 4 on either side",
        "pooling": "pooled",
        "command": "python benchmarks/scorer.py",
    }
    title = "Speed of scorers, reading the RTTM files included"
    print(write_evidence("scorer", title, card, columns, rows, packages=[*PACKAGES.values(), "numpy", "scipy"]))


if __name__ == "__main__":
    main(sys.argv[1:])
