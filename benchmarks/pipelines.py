"""The three pipelines side by side: error on real clips and on simulated conversations, speed, memory; and two hours.

Run: python benchmarks/pipelines.py [scores] [long]

Without a name both parts run; each writes a file of its own. Each pipeline runs in a process of its own, with two
threads; models are loaded before the clock starts.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time

from development import PLAN, conversations

THREADS = 2
PIPELINES = {
    "overlap": "overlap-aware (ours)",
    "cascade": "cascade (ours)",
    "pyannote": "pyannote.audio, same networks",
}
PARTS = ("scores", "long")
OUTSIDE = PLAN[:8]  # of the development set: up to five people, up to five minutes
LONG_MINUTES = (10, 120)
COLUMNS = {
    "data": "Data",
    "pipeline": "Pipeline",
    "der": "DER, %",
    "spread": "95 % interval, or range of fewer than five units",
    "units": "Independent units",
    "missed": "Missed, %",
    "false_alarm": "False alarm, %",
    "confusion": "Confusion, %",
    "seconds": "Reference speech, s",
    "count_error": "Mean error of the number of speakers",
    "within_one": "Number within one, share",
    "rtf": "Real-time factor, wall",
    "cpu": "Processor seconds a second of audio",
    "memory": "Peak memory, MB",
}


def recordings_of(part: str) -> dict[str, list]:
    """What a part's pipelines hear, by data set."""
    from diarbook.assets import recording, recordings
    from diarbook.simulation import tile

    if part == "long":
        return {f"clips tiled, {minutes} min": [tile(recordings(), 60.0 * minutes)] for minutes in LONG_MINUTES}
    meetings = [clip for clip in recordings("test") if clip.name != "sample"]
    return {
        "training clips": recordings("train"),
        "development clips": recordings("development"),
        "test clips": meetings,
        "telephone sample": [recording("sample")],
        "simulated, voices outside AMI": [case.recording for case in conversations(OUTSIDE)],
    }


def worker(pipeline: str, part: str) -> None:
    """Diarize a part's recordings; print one JSON line for each."""
    import torch

    torch.set_num_threads(THREADS)
    from diarbook.assets import recording
    from diarbook.metrics import diarization_error
    from diarbook.metrics.counting import speaker_count_error
    from diarbook.pipelines.diarize import diarize

    diarize(recording("sample").waveform, pipeline=pipeline)
    for name, items in recordings_of(part).items():
        for item in items:
            wall, cpu = time.perf_counter(), time.process_time()
            turns = diarize(item.waveform, pipeline=pipeline)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            error = diarization_error(list(item.turns), turns, uem=item.uem)
            row = {
                "data": name,
                "name": f"{item.name} {item.duration:.2f}",
                "people": sorted({turn.speaker for turn in item.turns}),
                "missed": error.missed,
                "false_alarm": error.false_alarm,
                "confusion": error.confusion,
                "total": error.total,
                "count_error": speaker_count_error(list(item.turns), turns),
                "duration": item.duration,
                "wall": wall,
                "cpu": cpu,
                "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
            print(json.dumps(row), flush=True)


def measured(pipeline: str, part: str) -> list[dict]:
    environment = {**os.environ, "OMP_NUM_THREADS": str(THREADS), "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, __file__, "--worker", pipeline, part]
    result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def units_of(rows: list[dict]) -> dict[str, str]:
    """Independent units: recordings with a person in common are one; people of another speed are the same people."""
    from diarbook.metrics.bootstrap import shared_people
    from diarbook.turns import Turn

    people = {row["name"]: [Turn(0.0, 1.0, person.partition("@")[0]) for person in row["people"]] for row in rows}
    return shared_people(people)


def summary(data: str, pipeline: str, rows: list[dict]) -> dict:
    from diarbook.metrics.bootstrap import rate_spread
    from diarbook.metrics.counting import count_summary

    counts = count_summary(row["count_error"] for row in rows)
    wrong = {row["name"]: row["missed"] + row["false_alarm"] + row["confusion"] for row in rows}
    spread = rate_spread({row["name"]: (wrong[row["name"]], row["total"]) for row in rows}, units_of(rows))
    total, audio = sum(row["total"] for row in rows), sum(row["duration"] for row in rows)
    shares = {
        kind: round(100 * sum(row[kind] for row in rows) / total, 1) for kind in ("missed", "false_alarm", "confusion")
    }
    return {
        "data": data,
        "pipeline": PIPELINES[pipeline],
        "der": round(100 * spread.value, 1),
        "spread": [round(100 * spread.low, 1), round(100 * spread.high, 1)] if spread.units > 1 else None,
        "units": spread.units,
        **shares,
        "seconds": round(total, 1),
        "count_error": round(counts.bias, 2),
        "within_one": round(counts.within_one, 3),
        "rtf": round(sum(row["wall"] for row in rows) / audio, 3),
        "cpu": round(sum(row["cpu"] for row in rows) / audio, 3),
        "memory": round(max(row["memory"] for row in rows)),
    }


def rows_of(part: str) -> list[dict]:
    table = []
    for pipeline in ("overlap",) if part == "long" else PIPELINES:
        rows = measured(pipeline, part)
        for name in dict.fromkeys(row["data"] for row in rows):
            table.append(summary(name, pipeline, [row for row in rows if row["data"] == name]))
    order = list(dict.fromkeys(row["data"] for row in table))
    return sorted(table, key=lambda row: order.index(row["data"]))


def protocol(part: str) -> dict[str, object]:
    """What the card says of a part."""
    scores = {
        "data": "AMI meeting clips of 30 s (training and development clips are of AMI's training partition, test clips "
        "of its test partition), the telephone sample, the first conversations of the development set",
        "files": f"10, 2, 2 and 1 real, {len(OUTSIDE)} simulated ({sum(made.minutes for made in OUTSIDE):g} min)",
        "reference": "RTTM of pyannote.audio 4.0.7's package; the simulator's own",
        "pooling": "pooled over the recordings of a set; bootstrap over units that share no person",
    }
    long = {
        "data": "the 14 clips and the telephone sample, one after another, again and again",
        "files": f"{len(LONG_MINUTES)} tiled; a person has one label throughout",
        "reference": "RTTM of pyannote.audio 4.0.7's package",
        "pooling": "one recording a row",
    }
    return {
        **(scores if part == "scores" else long),
        "collar_each_side": 0.0,
        "overlap": "scored",
        "region": f"the whole recording; {THREADS} threads, memory is the peak of the process so far",
        "vad": "system",
        "speakers": "estimated",
        "tuned_on": "overlap-aware: development set, training clips and simulated conversations of their voices; "
        "cascade: the development set; pyannote.audio: threshold on the simulated conversations of this table",
        "command": f"python benchmarks/pipelines.py {part}",
    }


def main() -> None:
    from diarbook.knowledge.measuring import write_evidence

    names = {"scores": "pipelines", "long": "pipelines-long"}
    titles = {"scores": "Pipelines side by side", "long": "Ten minutes and two hours"}
    packages = ("diarbook", "pyannote.audio", "torch", "onnxruntime", "numpy", "scipy")
    for part in sys.argv[1:] or PARTS:
        rows, models = rows_of(part), ("segmentation-3.0", "campplus")
        write_evidence(names[part], titles[part], protocol(part), COLUMNS, rows, packages=packages, models=models)
        for row in rows:
            print("  ".join(f"{key} {value}" for key, value in row.items()), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        main()
