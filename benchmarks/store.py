"""Opening, searching and killing stores of voiceprints, up to 100,000 of them.

Vectors are random and of unit length: a search compares the voice with everybody, so its time does not depend on what
the vectors hold. Each size is measured in a process of its own, with one thread. Processor time stands beside time on
the clock, because the latter depends on what else the machine does.

Run: python benchmarks/store.py
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from diarbook.knowledge.measuring import write_evidence
from diarbook.voiceprints.store import VoiceprintStore

SIZES = (1_000, 10_000, 100_000)
SEARCHES = 500
KILLS = 20

COMMON = """
import itertools, json, os, resource, sys, time
from datetime import UTC, datetime
import numpy as np
from diarbook.voiceprints.store import VoiceprintStore
from diarbook.voiceprints.voiceprint import Consent, Voiceprint
consent = Consent("benchmark", datetime(2026, 1, 1, tzinfo=UTC))
def made(name, vector):
    return Voiceprint(name, vector, "campplus", "benchmark", 10.0, 4, 0.8, consent.given, consent)
path = sys.argv[1]
"""

BUILD = """
count = int(sys.argv[2])
vectors = np.random.default_rng(0).standard_normal((count, 192), dtype=np.float32)
people = [made(f"person {index:06d}", vector) for index, vector in enumerate(vectors)]
with VoiceprintStore(path) as store:
    begin = time.perf_counter()
    store.add_many(people)
    store.scrub()
    print(json.dumps({"build": time.perf_counter() - begin}))
"""

SEARCH = """
searches = int(sys.argv[2])
queries = np.random.default_rng(1).standard_normal((searches + 1, 192), dtype=np.float32)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begin = time.perf_counter()
VoiceprintStore(path, create=False).close()
opened = time.perf_counter()
store = VoiceprintStore(path, create=False, preload=True)
loaded = time.perf_counter()
store.search(queries[0], model="campplus", model_version="benchmark")
first = time.perf_counter()
times, busy = [], []
for query in queries[1:]:
    start, work = time.perf_counter(), time.thread_time()
    store.search(query, model="campplus", model_version="benchmark")
    times.append(time.perf_counter() - start)
    busy.append(time.thread_time() - work)
p50, p99 = np.quantile(times, [0.5, 0.99])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"opening": 1e3 * (opened - begin), "preload": 1e3 * (loaded - opened),
                  "first": 1e3 * (first - loaded), "p50": 1e3 * p50, "p99": 1e3 * p99,
                  "busy": 1e3 * np.quantile(busy, 0.99), "memory": (peak - before) / 1024}))
"""

WRITE = """
life = sys.argv[2]
tell = lambda *words: os.write(1, (" ".join(words) + "\\n").encode())
rng = np.random.default_rng(int(life))
with VoiceprintStore(path) as store:
    tell("open")
    for index in itertools.count():
        names = [f"life-{life}-{index}-{item}" for item in range(4)]
        store.add_many([made(name, rng.normal(size=192)) for name in names])
        tell(*names)
"""


def run(code: str, *arguments: object) -> dict:
    """A piece of the benchmark in a process of its own, with one thread."""
    threads = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    command = [sys.executable, "-c", COMMON + code, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **threads})
    return json.loads(done.stdout.splitlines()[-1])


def kill_writers(path: Path, kills: int, moments: random.Random) -> tuple[int, int, float]:
    """Kill a writing process again and again.

    Returns acknowledged enrollments, how many of them were lost, and the milliseconds of the slowest opening.
    """
    acknowledged, lost, slowest = 0, 0, 0.0
    for life in range(kills):
        command = [sys.executable, "-c", COMMON + WRITE, str(path), str(life)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(moments.uniform(0.05, 0.6))
        os.kill(process.pid, signal.SIGKILL)
        reported = {name for line in process.stdout.read().decode().split("\n")[:-1] for name in line.split()}
        process.wait()
        begin = time.perf_counter()
        with VoiceprintStore(path, create=False) as store:
            slowest = max(slowest, 1e3 * (time.perf_counter() - begin))
            lost += len(reported - set(store.names()))
        acknowledged += len(reported)
    return acknowledged, lost, slowest


def main() -> None:
    """Measure all sizes and write the evidence."""
    moments = random.Random(7)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            path = Path(folder) / f"{size}.db"
            built = run(BUILD, path, size)
            disk = path.stat().st_size / 1e6
            found = run(SEARCH, path, SEARCHES)
            acknowledged, lost, slowest = kill_writers(path, KILLS, moments)
            rows.append(
                {
                    "voiceprints": size,
                    "build": round(built["build"], 2),
                    "disk": round(disk, 1),
                    "memory": round(found["memory"]),
                    "opening": round(found["opening"], 1),
                    "preload": round(found["preload"], 1),
                    "first": round(found["first"], 1),
                    "p50": round(found["p50"], 2),
                    "p99": round(found["p99"], 2),
                    "busy": round(found["busy"], 2),
                    "kills": KILLS,
                    "acknowledged": acknowledged,
                    "lost": lost,
                    "reopening": round(slowest, 1),
                }
            )
            print(rows[-1])
    card = {
        "data": "random unit vectors of 192 dimensions, seed 0",
        "files": f"one SQLite file a size; {SEARCHES} searches by random vectors, one core; {KILLS} kills by SIGKILL",
        "reference": "enrollments that a killed writer had acknowledged",
        "speakers": "as many as voiceprints",
        "pooling": "median and 99th percentile over the searches; slowest opening after a kill",
        "command": "python benchmarks/store.py",
    }
    columns = {
        "voiceprints": "Voiceprints",
        "build": "Written in, s",
        "disk": "On disk, MB",
        "memory": "Memory, MB",
        "opening": "Opening, ms",
        "preload": "Opening with preload, ms",
        "first": "First search then, ms",
        "p50": "Search, median, ms",
        "p99": "Search, 99th percentile, ms",
        "busy": "Processor time of it, 99th percentile, ms",
        "kills": "Kills",
        "acknowledged": "Acknowledged before a kill",
        "lost": "Of these lost",
        "reopening": "Slowest opening after a kill, ms",
    }
    title = "A store of voiceprints: exact search over everybody, one thread, and kills while it is written"
    print(write_evidence("store", title, card, columns, rows, packages=("diarbook", "numpy")))


if __name__ == "__main__":
    main()
