"""The same voices in every vector store: building, recall, latency, memory, disk, filters, changes, restart.

Run: python benchmarks/vectordb.py [10000] [100000] [1000000] [sweep] [STORE ...]

Without a size all parts run, without a store all stores; rows of what does not run are kept, and each row is written
as soon as it is measured. Each store runs in a process of its own, reopening in another one. A store that has not
taken all vectors when its time is up, or that clearly will not, gets a row that says how far it came; the next size is
not tried then. The machine may be shared: building is counted in processor time, a query in both.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SIZES = (10_000, 100_000, 1_000_000)
SWEEP = 100_000
BUDGET = 600.0  # processor seconds for building
WALL = 900.0  # seconds, of the same
HOPELESS = 30.0  # processor seconds, after which a store stops that would need more than the budget at its pace
QUERY_SECONDS = 40.0  # for each set of single queries
QUERIES = 200
CHUNK = 50_000
SITES = 100
CHANGED = 100
SETTINGS = {
    "exact": "all compared",
    "faiss-flat": "all compared",
    "faiss-ivf": "8 lists opened",
    "faiss-hnsw": "ef 64",
    "faiss-pq": "24 bytes a vector",
    "qdrant": "local mode: all compared",
    "milvus": "Lite, HNSW, ef 64",
    "chroma": "HNSW, ef 64",
    "duckdb": "all compared, by SQL",
}
SWEEPS = {
    "faiss-ivf": ("probes", (1, 2, 4, 8, 16, 32, 64, 128)),
    "faiss-hnsw": ("ef_search", (16, 32, 64, 128, 256, 512)),
}
COLUMNS = {
    "vectors": "Vectors",
    "store": "Store",
    "setting": "Setting",
    "build": "Build, processor s",
    "recall1": "Recall@1, %",
    "recall10": "Recall@10, %",
    "speaker": "Right speaker first, %",
    "p50": "Latency p50, ms",
    "p99": "p99, ms",
    "cpu": "Processor time p50, ms",
    "memory": "Memory growth, MB",
    "memory_reopened": "Memory growth when reopened, MB",
    "disk": "Disk, MB",
    "filter_recall": "Recall@10 with a filter of 1 %, %",
    "filter_p50": "p50 with the filter, ms",
    "delete": "Delete 100, ms",
    "update": "Update 100, ms",
    "reopen": "Reopen and search once, s",
    "note": "Note",
}


def ids_of(start: int, stop: int) -> list[str]:
    return [f"v{row:07d}" for row in range(start, stop)]


def metadata_of(start: int, stop: int) -> list[dict]:
    return [{"site": row % SITES} for row in range(start, stop)]


def make_data(folder: Path, count: int) -> None:
    """Gallery of ``count`` speakers with one voiceprint each; queries are other utterances of some of them."""
    import numpy as np

    from diarbook import embeddings as emb
    from diarbook.assets import recordings
    from diarbook.vectordb import exact_search, fit_population

    clips = [clip for clip in recordings() if clip.name != "sample"]
    chunks = emb.single_speaker_excerpts(clips)
    real = emb.embed_excerpts(emb.load_embedder("campplus"), clips, chunks)
    population = fit_population(real, [chunk.speaker for chunk in chunks])
    pairs, _ = population.sample(QUERIES, 2, seed=1)
    gallery, _ = population.sample(count, 1, seed=2)
    rows = np.random.default_rng(3).permutation(count)[:QUERIES]
    gallery[rows] = pairs[0::2]
    queries = np.ascontiguousarray(pairs[1::2])
    sites = np.arange(count) % SITES
    filtered = np.stack(
        [
            np.flatnonzero(sites == row % SITES)[exact_search(gallery[sites == row % SITES], query, 10)[0][0]]
            for row, query in zip(rows, queries, strict=True)
        ]
    )
    truth = exact_search(gallery, queries, 10)[0]
    np.savez(folder / "queries.npz", queries=queries, rows=rows, truth=truth, filtered=filtered)
    gallery.tofile(folder / "gallery.f32")
    changed, _ = population.sample(CHANGED, 1, seed=4)
    np.save(folder / "changed.npy", changed)


def resident() -> float:
    """Megabytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def single_queries(store, queries, where=None):
    """Ids that each query found, and its seconds, wall and processor; the time for all is limited."""
    found, seconds, start = [], [], time.perf_counter()
    for index, query in enumerate(queries):
        began, busy = time.perf_counter(), time.process_time()
        hits = store.search(query, 10, where[index] if where else None)[0]
        seconds.append((time.perf_counter() - began, time.process_time() - busy))
        found.append([hit.id for hit in hits])
        if time.perf_counter() - start > QUERY_SECONDS:
            break
    return found, seconds


def scored(found, seconds, truth, rows) -> dict:
    import numpy as np

    from diarbook.vectordb import recall_at_k

    wall, busy = np.transpose(seconds)
    truth = [[f"v{row:07d}" for row in line] for line in truth[: len(found)]]
    right = np.mean([bool(hits) and hits[0] == f"v{row:07d}" for hits, row in zip(found, rows, strict=False)])
    return {
        "recall1": round(100 * recall_at_k(found, truth, 1), 1),
        "recall10": round(100 * recall_at_k(found, truth, 10), 1),
        "speaker": round(100 * float(right), 1),
        "p50": round(1000 * float(np.percentile(wall, 50)), 3),
        "p99": round(1000 * float(np.percentile(wall, 99)), 3),
        "cpu": round(1000 * float(np.median(busy)), 3),
    }


def worker(name: str, count: int, data: Path, folder: Path, sweep: bool) -> None:
    """Fill a store and measure it; print JSON lines, the last one with a figure wins."""
    import numpy as np

    from diarbook.vectordb import open_store

    def tell(**values: object) -> None:
        print(json.dumps(values), flush=True)

    known = np.load(data / "queries.npz")
    changed = np.load(data / "changed.npy")
    open_store(name, **({} if name not in ("milvus", "chroma") else {"path": folder / "first"})).close()  # imports
    before = resident()
    store = open_store(name, folder / "store")
    start, busy, done = time.perf_counter(), time.process_time(), 0
    with (data / "gallery.f32").open("rb") as file:
        while done < count:
            some = min(CHUNK, count - done)
            if name not in ("faiss-ivf", "faiss-pq"):  # these learn from their first batch
                some = min(some, 5000)
            block = np.fromfile(file, dtype=np.float32, count=some * store.dimension).reshape(-1, store.dimension)
            store.add(ids_of(done, done + some), block, metadata_of(done, done + some))
            done += some
            spent = time.process_time() - busy
            needed = spent * count / done
            late = spent > BUDGET or time.perf_counter() - start > WALL
            if done < count and (late or (spent > HOPELESS and needed > BUDGET)):
                clock = time.perf_counter() - start
                tell(note=f"stopped after {clock:.0f} s by the clock: {done:,} vectors took {spent:.0f} s of processor")
                return
            tell(note=f"stopped by force; {done:,} vectors had taken {spent:.0f} s")
    store.flush()
    tell(note="", build=round(time.process_time() - busy, 2), memory=round(resident() - before))
    for query in known["queries"][:3]:
        store.search(query, 10)
    if sweep:
        option, values = SWEEPS[name]
        for value in values:
            setattr(store, option, value)
            found, seconds = single_queries(store, known["queries"])
            measured = scored(found, seconds, known["truth"], known["rows"])
            label = "lists opened:" if option == "probes" else "ef"
            tell(setting=f"{label} {value}", **measured)
        return
    found, seconds = single_queries(store, known["queries"])
    tell(**scored(found, seconds, known["truth"], known["rows"]))
    where = [{"site": int(row) % SITES} for row in known["rows"]]
    found, seconds = single_queries(store, known["queries"], where)
    filtered = scored(found, seconds, known["filtered"], known["rows"])
    tell(filter_recall=filtered["recall10"], filter_p50=filtered["p50"])
    spare = [row for row in range(3 * CHANGED) if row not in set(known["rows"].tolist())]
    gone, moved = ([f"v{row:07d}" for row in spare[part : part + CHANGED]] for part in (0, CHANGED))
    start = time.perf_counter()
    store.delete(gone)
    store.flush()
    tell(delete=round(1000 * (time.perf_counter() - start), 1))
    start = time.perf_counter()
    store.update(moved, changed)
    store.flush()
    tell(update=round(1000 * (time.perf_counter() - start), 1))
    assert len(store) == count - CHANGED
    nearest = [store.search(vector, 1)[0][0].id == one for one, vector in zip(moved, changed, strict=True)]
    print(f"{name}: {sum(nearest)} of {CHANGED} updated vectors are found", file=sys.stderr)
    store.close()
    tell(disk=round(store.size_on_disk() / 1e6, 1))


def reopener(name: str, data: Path, folder: Path) -> None:
    """Open what :func:`worker` left, in a fresh process, and search once."""
    import numpy as np

    from diarbook.vectordb import open_store

    query = np.load(data / "queries.npz")["queries"][0]
    open_store(name, **({} if name not in ("milvus", "chroma") else {"path": folder / "second"})).close()
    before, start = resident(), time.perf_counter()
    store = open_store(name, folder / "store")
    assert store.search(query, 10)[0]
    seconds = time.perf_counter() - start
    print(json.dumps({"reopen": round(seconds, 3), "memory_reopened": round(resident() - before)}), flush=True)


def run(*arguments: object, limit: float) -> list[dict]:
    """JSON lines of a process of this file."""
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    command = [sys.executable, __file__, *map(str, arguments)]
    process = subprocess.Popen(
        command, env={**os.environ, **threads}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        out, problems = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        out, problems = process.communicate()
    if process.returncode not in (0, -9):
        print(problems, file=sys.stderr)
    elif problems:
        print(problems.strip().splitlines()[-1][:200], file=sys.stderr)
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def hopeless(name: str, count: int, smaller: list[dict]) -> str:
    """Why a store is not tried at a size, by what the smaller one took in this run; empty when it is."""
    for row in smaller:
        if row["store"] == name and 10 * row["vectors"] == count:
            if row["build"] is None:
                return f"not tried: {row['vectors']:,} vectors were too many"
            if 10 * row["build"] > BUDGET:
                return f"not tried: {row['vectors']:,} vectors took {row['build']:.0f} s of processor"
    return ""


def measure(name: str, count: int, data: Path, smaller: list[dict], sweep: bool = False) -> list[dict]:
    base = {"vectors": count, "store": name}
    if not sweep and (reason := hopeless(name, count, smaller)):
        return [{**base, "setting": SETTINGS[name], "note": reason}]
    folder = Path(tempfile.mkdtemp(dir=data))
    try:
        limit = WALL + 60 + (len(SWEEPS[name][1]) if sweep else 3) * QUERY_SECONDS
        lines = run("--worker", name, count, data, folder, int(sweep), limit=limit)
        if sweep:
            return [{**base, **line} for line in lines if "setting" in line]
        row = {**base, "setting": SETTINGS[name]}
        for line in lines:
            row.update(line)
        if "disk" in row:
            for line in run("--reopen", name, data, folder, limit=120):
                row.update(line)
        elif not row.get("note"):
            row["note"] = "ended before all was measured"
        return [row]
    finally:
        shutil.rmtree(folder)


def protocol() -> dict[str, object]:
    """What the card says of a run."""
    return {
        "data": "speakers drawn from a Gaussian model (between and within speakers) of CAM++ embeddings of the meeting "
        "clips (27 speakers, 192 dimensions, so most of the spread is assumed, not measured); unit length, one vector "
        "a speaker",
        "files": f"{QUERIES} queries, one at a time: other utterances of {QUERIES} enrolled speakers",
        "reference": "exact search by numpy over the same vectors",
        "region": "all queries; as many as fit into "
        f"{QUERY_SECONDS:.0f} s where they are slow. Filter: one of {SITES} sites",
        "speakers": "as many as vectors",
        "pooling": "mean recall over queries; percentiles of single-query times, 1 thread a library where it can be "
        f"set; a limit of {BUDGET:.0f} s of processor time, {WALL:.0f} s by the clock, for building",
        "tuned_on": "the clips' spread chose the share of the model that is the same in all directions; stores have "
        "stated settings, 16 edges a node and ef 100 while building where there is a graph",
        "command": "python benchmarks/vectordb.py",
    }


def save(name: str, title: str, columns: list[str], rows: list[dict]) -> None:
    """Write all rows of this run."""
    from diarbook.knowledge.measuring import write_evidence

    packages = ("diarbook", "faiss-cpu", "qdrant-client", "milvus-lite", "pymilvus", "chromadb", "duckdb", "numpy")
    rows = sorted(rows, key=lambda row: (row["vectors"], list(SETTINGS).index(row["store"])))
    chosen = [{key: row.get(key) for key in columns} for row in rows]
    write_evidence(name, title, protocol(), {key: COLUMNS[key] for key in columns}, chosen, packages=packages)


def main() -> None:
    words = sys.argv[1:]
    stores = [word for word in words if word in SETTINGS] or list(SETTINGS)
    parts = [word for word in words if word not in SETTINGS] or [*map(str, SIZES), "sweep"]
    sizes: list[dict] = []
    for part in parts:
        sweep = part == "sweep"
        count = SWEEP if sweep else int(part)
        rows: list[dict] = []
        with tempfile.TemporaryDirectory() as data:
            make_data(Path(data), count)
            for name in stores if not sweep else [one for one in stores if one in SWEEPS]:
                new = measure(name, count, Path(data), sizes, sweep)
                rows += new
                for row in new:
                    print({key: value for key, value in row.items() if value not in (None, "")}, flush=True)
        if not sweep:
            sizes += rows
        elif stores == list(SETTINGS):
            columns = ["vectors", "store", "setting", "recall1", "recall10", "p50", "p99", "cpu"]
            save("vectordb-sweep", "Recall against latency", columns, rows)
    if stores == list(SETTINGS) and set(map(str, SIZES)) <= set(parts):
        save("vectordb", "The same voices in every vector store", list(COLUMNS), sizes)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        worker(sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]), Path(sys.argv[5]), sys.argv[6] == "1")
    elif sys.argv[1:2] == ["--reopen"]:
        reopener(sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4]))
    else:
        main()
