"""The three pipelines side by side: error on real clips and on simulated conversations, speed, memory, two hours.

Run: python benchmarks/pipelines.py [clips] [simulated] [long]

Without a name all parts run; rows of the parts that do not run are kept. Each pipeline runs in a process of its own,
with two threads; models are loaded before the clock starts.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import subprocess
import sys
import time
from datetime import date
from importlib.metadata import version

THREADS = 2
PIPELINES = {
    "overlap": "overlap-aware (ours)",
    "cascade": "cascade (ours)",
    "pyannote": "pyannote.audio, same networks",
}
PARTS = ("clips", "simulated", "long")
# Speakers, seconds, overlap, SNR in dB and reverberation in seconds of each simulated conversation.
CONVERSATIONS = [(2, 120, 0.05, 30, 0.0), (3, 120, 0.1, 30, 0.2), (4, 180, 0.15, 25, 0.0), (5, 180, 0.1, 30, 0.0)]
LONG_MINUTES = (10, 120)
COLUMNS = {
    "data": "Data",
    "pipeline": "Pipeline",
    "der": "DER, %",
    "low": "95 % from",
    "high": "to",
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
    from diarbook.assets import recordings
    from diarbook.simulation import simulate_conversation, tile

    if part == "clips":
        return {
            "train clips": recordings("train"),
            "development clips": recordings("development"),
            "test": recordings("test"),
        }
    if part == "simulated":
        voices = {
            "simulated, training voices": recordings("train"),
            "simulated, other voices": recordings("development", "test"),
        }
        return {
            name: [
                simulate_conversation(source, people, seconds, overlap, seed=300 + index, snr=snr, reverberation=room)
                for index, (people, seconds, overlap, snr, room) in enumerate(CONVERSATIONS)
            ]
            for name, source in voices.items()
        }
    return {f"clips tiled, {minutes} min": [tile(recordings(), 60.0 * minutes)] for minutes in LONG_MINUTES}


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
                "name": item.name,
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


def summary(data: str, pipeline: str, rows: list[dict]) -> dict:
    from diarbook.metrics import bootstrap_interval
    from diarbook.metrics.counting import count_summary

    counts = count_summary(row["count_error"] for row in rows)

    def rate(items: list[dict]) -> float:
        wrong = sum(row["missed"] + row["false_alarm"] + row["confusion"] for row in items)
        return 100 * wrong / sum(row["total"] for row in items)

    total, audio = sum(row["total"] for row in rows), sum(row["duration"] for row in rows)
    low, high = bootstrap_interval(rate, rows) if len(rows) > 1 else (None, None)
    shares = {
        kind: round(100 * sum(row[kind] for row in rows) / total, 1) for kind in ("missed", "false_alarm", "confusion")
    }
    return {
        "data": data,
        "pipeline": PIPELINES[pipeline],
        "der": round(rate(rows), 1),
        "low": None if low is None else round(low, 1),
        "high": None if high is None else round(high, 1),
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
        names = list(dict.fromkeys(row["data"] for row in rows))
        groups = {name: [row for row in rows if row["data"] == name] for name in names}
        if part == "clips":
            groups = {"14 clips and the sample": rows, **groups}
            groups["test: sample"] = [row for row in rows if row["name"] == "sample"]
        table += [{"part": part, **summary(name, pipeline, items)} for name, items in groups.items()]
    order = list(dict.fromkeys(row["data"] for row in table))
    return sorted(table, key=lambda row: order.index(row["data"]))


def protocol() -> dict:
    packages = ("diarbook", "pyannote.audio", "torch", "onnxruntime", "numpy", "scipy")
    return {
        "data": "10 training, 2 development and 2 test meeting clips of 30 s, the telephone sample; "
        "conversations simulated of their voices; the clips tiled",
        "files": f"15 real, {2 * len(CONVERSATIONS)} simulated, {len(LONG_MINUTES)} tiled",
        "reference": "RTTM of pyannote.audio 4.0.7's package; the simulator's own",
        "collar_each_side": 0.0,
        "overlap": "scored",
        "region": "the whole recording",
        "vad": "system",
        "speakers": "estimated",
        "pooling": "pooled; interval by bootstrap over files",
        "tuned_on": "training clips, and simulated conversations of their voices with other seeds",
        "machine": f"{platform.machine()}, {os.cpu_count()} cores shared with other jobs, {THREADS} threads, "
        f"Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {version(name)}" for name in packages),
        "date": date.today().isoformat(),
        "command": "python benchmarks/pipelines.py",
    }


def main() -> None:
    from diarbook.files import repository_root, write_atomically

    parts = sys.argv[1:] or list(PARTS)
    path = repository_root() / "data" / "evidence" / "pipelines.json"
    kept = json.loads(path.read_text())["rows"] if path.is_file() else []
    columns = {"part": "Part", **COLUMNS}
    for part in parts:
        kept = [row for row in kept if row["part"] != part] + rows_of(part)
        kept.sort(key=lambda row: PARTS.index(row["part"]))
        evidence = {"title": "Pipelines side by side", "protocol": protocol(), "rows": kept, "columns": columns}
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(evidence, ensure_ascii=False, indent=1) + "\n")
        for row in kept:
            if row["part"] == part:
                print(
                    "  ".join(
                        f"{row.get(key)!s:>12}" if key not in ("data", "pipeline") else f"{row[key]:30}"
                        for key in COLUMNS
                    )
                )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        main()
