"""Live diarization: error against latency, real-time factor on one core, and memory over three hours.

Run: python benchmarks/streaming.py [error] [speed] [memory]

Without a name all parts run; each writes a file of its own. Each part runs in a process of its own on one processor
core (by affinity), with one thread for PyTorch and OpenMP. For the errors, what the networks said of the same input is
remembered between latencies; for speed and memory it is not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator

from development import PLAN, conversations

LATENCIES = (0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
PARTS = ("error", "speed", "memory")
TILED_MINUTES = 6
SPEED_SECONDS = 120
MEMORY_MINUTES = (30, 60, 120, 180)
OUTSIDE = PLAN[:4]
OFFLINE = "offline, overlap-aware"
COLUMNS = {
    "error": {
        "system": "System",
        "latency": "Latency, s",
        "train": "DER, %, training clips",
        "development": "development clips",
        "test": "test clips and sample",
        "outside": "simulated, voices outside AMI",
        "tiled_train": f"tiled, training clips, {TILED_MINUTES} min",
        "tiled_other": f"tiled, other clips, {TILED_MINUTES} min",
        "test_range": "lowest and highest of test clips and sample",
        "missed": "tiled other: missed, %",
        "false_alarm": "false alarm, %",
        "confusion": "confusion, %",
        "count_error": "error of the number of speakers",
        "count_test": "mean absolute error of it, test clips and sample",
        "count_outside": "the same, voices outside AMI",
    },
    "speed": {
        "system": "System",
        "latency": "Latency, s",
        "rtf": "Real-time factor, one core",
        "slowest": "Slowest step, s",
    },
    "memory": {
        "minutes": "Audio heard, min",
        "memory": "Resident memory, MB",
        "state": "Diarizer's state, kB",
    },
}
FILES = {"error": "streaming", "speed": "streaming-speed", "memory": "streaming-memory"}
TITLES = {
    "error": "Live diarization: error against latency",
    "speed": "Live diarization: processor time",
    "memory": "Live diarization: memory over three hours, latency 5 s",
}


def sets() -> dict[str, list]:
    from diarbook.assets import recordings
    from diarbook.simulation import tile

    return {
        "train": recordings("train"),
        "development": recordings("development"),
        "test": recordings("test"),
        "outside": [case.recording for case in conversations(OUTSIDE)],
        "tiled_train": [tile(recordings("train"), 60.0 * TILED_MINUTES)],
        "tiled_other": [tile(recordings("development", "test"), 60.0 * TILED_MINUTES)],
    }


class Remembering:
    """A network that answers the same input once."""

    def __init__(self) -> None:
        from diarbook.embeddings import load_embedder
        from diarbook.segmentation.model import load_segmentation

        self.segmentation, self.embedder, self.answers = load_segmentation(), load_embedder("campplus"), {}

    def run(self, batch):
        key = batch.tobytes()
        if key not in self.answers:
            self.answers[key] = self.segmentation.run(batch)
        return self.answers[key]

    @property
    def identity(self):
        return self.embedder.identity

    @property
    def frame_rate(self):
        return self.embedder.frame_rate

    def features(self, waveform):
        return self.embedder.features(waveform)

    def embed_spans(self, features, spans):
        import numpy as np

        keys = [features[first:last].tobytes() for first, last in spans]
        for key, span in zip(keys, spans, strict=True):
            if key not in self.answers:
                self.answers[key] = self.embedder.embed_spans(features, span[None])[0]
        return np.stack([self.answers[key] for key in keys])


def systems() -> Iterator[tuple[str, float | None, dict]]:
    yield OFFLINE, None, {}
    for latency in LATENCIES:
        yield "live", latency, {"latency": latency}
    yield "live, one centroid a speaker", 5.0, {"latency": 5.0, "points": 1}
    yield "live, corrected later", 5.0, {"latency": 5.0, "revise": True}


def error() -> Iterator[dict]:
    from diarbook.metrics import diarization_error
    from diarbook.pipelines.overlap import overlap_aware
    from diarbook.segmentation.model import SegmentationModel
    from diarbook.streaming import StreamSettings, stream
    from diarbook.turns import speakers

    for data, items in sets().items():
        for item in items:
            networks = Remembering()
            ears = SegmentationModel(networks.run, "remembers")
            for system, latency, options in systems():
                if latency is None:
                    turns = overlap_aware(item.waveform)
                else:
                    emitted = stream(item.waveform, StreamSettings(**options), segmentation=ears, embedder=networks)
                    turns = [turn.turn for turn in {turn.number: turn for turn in emitted}.values()]
                found = diarization_error(list(item.turns), turns, uem=item.uem)
                yield {
                    "data": data,
                    "system": system,
                    "latency": latency,
                    "missed": found.missed,
                    "false_alarm": found.false_alarm,
                    "confusion": found.confusion,
                    "total": found.total,
                    "count_error": len(speakers(turns)) - len(speakers(item.turns)),
                }


def resident() -> float:
    """Megabytes of memory of this process now."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def speed() -> Iterator[dict]:
    from diarbook.assets import recordings
    from diarbook.pipelines.overlap import overlap_aware
    from diarbook.simulation import tile
    from diarbook.streaming import StreamingDiarizer, StreamSettings, blocks, stream

    item = tile(recordings(), SPEED_SECONDS)
    stream(item.waveform[: 16_000 * 12])  # models are loaded before the clock starts
    start = time.process_time()
    overlap_aware(item.waveform)
    spent = time.process_time() - start
    yield {"system": OFFLINE, "latency": "whole file", "rtf": spent / SPEED_SECONDS, "slowest": spent}
    for latency in LATENCIES:
        diarizer, used, slowest = StreamingDiarizer(StreamSettings(latency=latency)), 0.0, 0.0
        for block in blocks(item.waveform, 1600):
            start = time.process_time()
            diarizer.push(block)
            used += time.process_time() - start
            slowest = max(slowest, time.process_time() - start)
        yield {"system": "live", "latency": latency, "rtf": used / SPEED_SECONDS, "slowest": slowest}


def memory() -> Iterator[dict]:
    import numpy as np

    from diarbook.assets import recordings
    from diarbook.streaming import StreamingDiarizer

    loop = np.concatenate([clip.waveform for clip in recordings()])
    diarizer, at = StreamingDiarizer(), 0
    for minute in range(1, MEMORY_MINUTES[-1] + 1):
        for _ in range(120):
            diarizer.push(np.take(loop, np.arange(at, at + 8_000), mode="wrap"))
            at += 8_000
        if minute in (5, *MEMORY_MINUTES):
            yield {
                "minutes": minute,
                "memory": round(resident()),
                "state": round(diarizer.memory["bytes"] / 1000),
            }


def worker(part: str) -> None:
    """One part, one JSON line a row."""
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[-1]})
    import torch

    torch.set_num_threads(1)
    for row in {"error": error, "speed": speed, "memory": memory}[part]():
        print(json.dumps(row), flush=True)


def measured(part: str) -> list[dict]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    command = [sys.executable, __file__, "--worker", part]
    result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def rate(rows: list[dict]) -> float:
    wrong = sum(row["missed"] + row["false_alarm"] + row["confusion"] for row in rows)
    return 100 * wrong / sum(row["total"] for row in rows)


def mean_absolute(rows: list[dict]) -> float:
    return sum(abs(row["count_error"]) for row in rows) / len(rows)


def by_system(rows: list[dict]) -> list[dict]:
    """One row a system and latency, the data sets beside each other."""
    table = []
    for system, latency in dict.fromkeys((row["system"], row["latency"]) for row in rows):
        mine = [row for row in rows if (row["system"], row["latency"]) == (system, latency)]
        sets = {name: [row for row in mine if row["data"] == name] for name in dict.fromkeys(r["data"] for r in mine)}
        [long] = sets["tiled_other"]
        apart = [rate([row]) for row in sets["test"]]
        table.append(
            {"system": system, "latency": "whole file" if latency is None else latency}
            | {name: round(rate(items), 1) for name, items in sets.items()}
            | {"test_range": [round(min(apart), 1), round(max(apart), 1)]}
            | {kind: round(100 * long[kind] / long["total"], 1) for kind in ("missed", "false_alarm", "confusion")}
            | {"count_error": long["count_error"]}
            | {f"count_{name}": round(mean_absolute(sets[name]), 2) for name in ("test", "outside")}
        )
    return table


def rows_of(part: str) -> list[dict]:
    rows = measured(part)
    if part == "error":
        return by_system(rows)
    for row in rows:
        row.update({kind: round(row[kind], 3) for kind in ("rtf", "slowest") if kind in row})
    return rows


def protocol(part: str) -> dict[str, object]:
    """What the card says of a part."""
    command = {"command": f"python benchmarks/streaming.py {part}"}
    if part != "error":
        length = SPEED_SECONDS / 60 if part == "speed" else MEMORY_MINUTES[-1]
        return {
            "data": "14 meeting clips of 30 s and the telephone sample, one after another, again and again",
            "files": f"one recording of {length:g} min, on one core by affinity, one thread"
            + ("; processor time" if part == "speed" else ""),
            **command,
        }
    return {
        "data": "10 training, 2 development and 2 test meeting clips of 30 s, the telephone sample; the first "
        f"{len(OUTSIDE)} conversations of the development set, of voices outside AMI; the clips one after another, "
        "again and again (a person has one label throughout)",
        "files": f"15 real, {len(OUTSIDE)} simulated, 2 tiled of {TILED_MINUTES} min",
        "reference": "RTTM of pyannote.audio 4.0.7's package; the simulator's own",
        "collar_each_side": 0.0,
        "overlap": "scored",
        "region": "the whole recording",
        "vad": "system",
        "speakers": "estimated",
        "pooling": "pooled over the recordings of a set; range of its recordings where it says so: the two test clips "
        "are of the same four people",
        "tuned_on": "training clips, simulated conversations of their voices with other seeds, training clips tiled; "
        "the offline pipeline also on the conversations of voices outside AMI",
        **command,
    }


def main() -> None:
    from diarbook.knowledge.measuring import write_evidence

    packages = ("diarbook", "torch", "onnxruntime", "numpy", "scipy")
    models = ("segmentation-3.0", "campplus")
    for part in sys.argv[1:] or PARTS:
        rows = rows_of(part)
        write_evidence(FILES[part], TITLES[part], protocol(part), COLUMNS[part], rows, packages=packages, models=models)
        for row in rows:
            print("  ".join(f"{key} {value}" for key, value in row.items() if value is not None), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(*sys.argv[2:])
    else:
        main()
