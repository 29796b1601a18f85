"""Every store through one set of checks, against a table written in plain Python."""

import importlib
import json
import os
import subprocess
import sys
import time
import unicodedata

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from diarbook.embeddings.similarity import unit_float32
from diarbook.errors import DiarbookError, VectorStoreError
from diarbook.files import TEMPORARY
from diarbook.vectordb import STORES, Hit, VectorStore, exact_search, files_with_bytes, open_store

DIMENSION = 16
SMALL = {"faiss-pq": {"parts": 8, "bits": 4}, "faiss-ivf": {"lists": 4, "probes": 4}}
EXACT = ["exact", "faiss-flat", "qdrant", "duckdb"]
# PQ keeps codes only: its scores are off by some hundredths.
TOLERANCE = {"faiss-pq": 0.25}


def make(name, path, **options):
    return open_store(name, path, dimension=DIMENSION, **{**SMALL.get(name, {}), **options})


def vectors(count, seed=0):
    return np.random.default_rng(seed).standard_normal((count, DIMENSION)).astype(np.float32)


def plain(rows, query, k, where=None):
    """The reference: a loop over {id: (vector, metadata)}."""
    scored = []
    for one, (vector, metadata) in rows.items():
        if all(metadata.get(key) == value for key, value in (where or {}).items()):
            cosine = sum(a * b for a, b in zip(vector, query, strict=True))
            cosine /= np.sqrt(sum(a * a for a in vector)) * np.sqrt(sum(b * b for b in query))
            scored.append((one, cosine))
    return sorted(scored, key=lambda hit: (-round(hit[1], 6), hit[0]))[:k]


@pytest.fixture(params=STORES)
def filled(request, tmp_path):
    name = request.param
    store = make(name, tmp_path / "store")
    x = vectors(60) * np.linspace(0.5, 20, 60)[:, None]  # lengths must not matter
    rows = {f"v{i:02d}": (x[i].tolist(), {"site": "AB"[i % 2], "room": i % 3}) for i in range(60)}
    store.add(list(rows), x, [metadata for _, metadata in rows.values()])
    yield store, rows
    store.close()


def agrees(store, rows, query, k=5, where=None):
    hits = store.search(np.array(query), k, where)[0]
    wanted = plain(rows, query, k, where)
    if store.name in TOLERANCE:
        true = dict(plain(rows, query, len(rows), where))
        assert len(hits) == len(wanted)
        assert all(abs(true[hit.id] - hit.score) < TOLERANCE[store.name] for hit in hits)
    else:
        assert [hit.id for hit in hits] == [one for one, _ in wanted]
        assert np.allclose([hit.score for hit in hits], [score for _, score in wanted], atol=1e-5)
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_life_of_a_store(filled, tmp_path):
    """Search, filter, update, delete, restart: the whole protocol in one go, since some stores are slow to open."""
    store, rows = filled
    assert isinstance(store, VectorStore)
    assert len(store) == 60
    queries = vectors(4, seed=1)
    for query in queries:
        agrees(store, rows, query.tolist())
    for several, one in zip(store.search(queries, 3), queries, strict=True):
        single = store.search(one, 3)[0]
        assert [hit.id for hit in several] == [hit.id for hit in single]
        assert np.allclose([hit.score for hit in several], [hit.score for hit in single], atol=1e-5)
    assert store.search(queries[:0], 3) == []
    assert isinstance(store.search(queries[0], 1)[0][0], Hit)
    agrees(store, rows, queries[0].tolist(), 60)
    assert len(store.search(queries[0], 1000)[0]) == 60

    agrees(store, rows, queries[1].tolist(), 5, {"site": "A"})
    agrees(store, rows, queries[1].tolist(), 5, {"site": "B", "room": 2})
    assert store.search(queries[0], 5, {"site": "C"}) == [[]]
    assert store.search(queries[0], 5, {"room": "2"}) == [[]]  # a text is no number
    assert store.search(queries[0], 5, {"nothing": 1}) == [[]]
    agrees(store, rows, queries[1].tolist(), 5, {})

    new = vectors(2, seed=2)
    store.update(["v03", "v40"], new, [{"site": "C"}, {"site": 'quo"te\\', "room": 9}])
    rows["v03"], rows["v40"] = (new[0].tolist(), {"site": "C"}), (new[1].tolist(), {"site": 'quo"te\\', "room": 9})
    other = vectors(1, seed=3)
    store.update(["v05"], other)  # metadata stays
    rows["v05"] = (other[0].tolist(), rows["v05"][1])
    assert len(store) == 60
    agrees(store, rows, new[0].tolist())
    agrees(store, rows, new[0].tolist(), 5, {"site": "C"})
    agrees(store, rows, new[1].tolist(), 5, {"site": 'quo"te\\'})
    assert "v03" not in [hit.id for hit in store.search(new[0], 60, {"room": 0})[0]]
    agrees(store, rows, other[0].tolist(), 5, {"site": "B", "room": 2})

    store.delete(["v03", "v07"])
    del rows["v03"], rows["v07"]
    assert len(store) == 58
    assert not {"v03", "v07"} & {hit.id for hit in store.search(new[0], 60)[0]}
    agrees(store, rows, queries[2].tolist())
    store.add(["v07"], vectors(1, seed=4), [{"site": "A"}])
    rows["v07"] = (vectors(1, seed=4)[0].tolist(), {"site": "A"})
    agrees(store, rows, queries[2].tolist(), 6, {"site": "A"})

    before = store.search(queries, 10)
    store.close()
    store.close()
    with pytest.raises(VectorStoreError, match="is closed; open it again"):
        store.search(queries[0])
    with make(store.name, tmp_path / "store") as again:
        assert len(again) == 59
        assert [[hit.id for hit in hits] for hits in again.search(queries, 10)] == [
            [hit.id for hit in hits] for hits in before
        ]
        agrees(again, rows, queries[3].tolist(), 5, {"site": "A"})
        assert again.size_on_disk() > 0
        again.add(["newest"], vectors(1, seed=5))
        rows["newest"] = (vectors(1, seed=5)[0].tolist(), {})
        agrees(again, rows, queries[3].tolist())
    with pytest.raises(VectorStoreError, match=f"is a {store.name} store of 16 dimensions"):
        open_store(store.name, tmp_path / "store", dimension=8)


def test_what_every_store_refuses(filled):
    store, rows = filled
    good = vectors(2, seed=7)
    bad = {
        r"expected vectors of shape \(n, 16\), got \(2, 17\)": (["a", "b"], np.ones((2, 17)), None),
        "vector 1 is not finite": (["a", "b"], np.where(np.eye(2, 16)[:, :] * [[0], [1]] > 0, np.nan, 1.0), None),
        "vector 0 is zero": (["a", "b"], good * [[0], [1]], None),
        "no table of numbers": (["a", "b"], [["x"] * 16] * 2, None),
        "2 vectors for 1 ids": (["a"], good, None),
        "1 rows of metadata for 2 ids": (["a", "b"], good, [{}]),
        "'a' occurs twice": (["a", "a"], good, None),
        "'v01' is there already": (["a", "v01"], good, None),
        "id name '' is empty": (["a", ""], good, None),
        "ids is one text": ("ab", good, None),
        "metadata name 'a b'": (["a", "b"], good, [{}, {"a b": 1}]),
        "metadata weight = 0.5": (["a", "b"], good, [{}, {"weight": 0.5}]),
        "metadata yes = True": (["a", "b"], good, [{}, {"yes": True}]),
    }
    for message, arguments in bad.items():
        with pytest.raises(VectorStoreError, match=message) as caught:
            store.add(*arguments)
        assert "\n" not in str(caught.value)
    for call in (lambda: store.update(["v01", "zz"], good), lambda: store.delete(["v01", "zz"])):
        with pytest.raises(VectorStoreError, match="there is no 'zz'"):
            call()
    with pytest.raises(VectorStoreError, match="k must be a whole number"):
        store.search(good[0], 0)
    with pytest.raises(VectorStoreError, match="vector 0 is not finite"):
        store.search(np.full(16, np.inf))
    with pytest.raises(VectorStoreError, match="metadata name"):
        store.search(good[0], 1, {"a == 1 or b": 2})
    assert len(store) == 60
    agrees(store, rows, good[0].tolist())


@pytest.mark.parametrize("name", EXACT)
def test_ties_come_in_the_order_of_ids(name, tmp_path):
    x = np.tile(vectors(1), (7, 1)) * np.array([3, 1, 2, 5, 4, 7, 6])[:, None]
    with make(name, None) as store:
        store.add(list("gcbdfae"), x)
        assert [hit.id for hit in store.search(x[0], 7)[0]] == list("abcdefg")
        if name in ("exact", "duckdb"):  # the others choose among ties before we see them
            assert [hit.id for hit in store.search(x[0], 3)[0]] == list("abc")


@pytest.mark.parametrize("name", STORES)
def test_an_empty_store(name, tmp_path):
    with make(name, tmp_path / "empty") as store:
        assert len(store) == 0
        assert store.search(vectors(2), 3) == [[], []]
        store.add([], np.empty((0, DIMENSION)))
        with pytest.raises(VectorStoreError, match="there is no 'a'"):
            store.delete(["a"])
    with make(name, tmp_path / "empty") as store:
        assert len(store) == 0


def test_opening(tmp_path):
    for message, name, path, options in [
        ("unknown vector store 'oracle'; known: exact", "oracle", None, {}),
        ("dimension must be", "exact", None, {"dimension": 0}),
        ("unknown option 'nprobe'; known: lists", "faiss-ivf", None, {"nprobe": 3}),
        ("probes must be a whole number", "faiss-ivf", None, {"probes": 0}),
        ("5 parts do not divide 16", "faiss-pq", None, {"parts": 5, "dimension": 16}),
        ("has no server", "duckdb", None, {"server": "http://localhost:1"}),
        ("not both", "qdrant", tmp_path / "q", {"server": "http://localhost:1"}),
        ("lives on disk only", "milvus", None, {}),
        ("lives on disk only", "chroma", None, {}),
        ("parent folder does not exist", "exact", tmp_path / "no" / "such", {}),
    ]:
        with pytest.raises(VectorStoreError, match=message) as caught:
            open_store(name, path, **options)
        assert "\n" not in str(caught.value)
    assert issubclass(VectorStoreError, DiarbookError)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(VectorStoreError, match="holds other files"):
        open_store("chroma", tmp_path / "mine")
    with pytest.raises(VectorStoreError, match="is no folder"):
        open_store("exact", tmp_path / "mine" / "letter.txt")
    open_store("exact", tmp_path / "kept").close()
    with pytest.raises(VectorStoreError, match="is a exact store of 192 dimensions, not duckdb"):
        open_store("duckdb", tmp_path / "kept")
    (tmp_path / "kept" / "diarbook-store.json").write_text("{}")
    with pytest.raises(VectorStoreError, match="is damaged"):
        open_store("exact", tmp_path / "kept")


@pytest.mark.parametrize("name", ["qdrant", "chroma"])
def test_a_server_that_does_not_answer(name):
    with pytest.raises(VectorStoreError, match="start the server") as caught:
        open_store(name, server="http://127.0.0.1:9")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["qdrant", "milvus", "chroma"])
def test_the_server_option_reaches_the_client(name, monkeypatch):
    """No server runs here: the address that the client gets is what can be checked."""
    import chromadb
    import pymilvus
    import qdrant_client

    seen = []

    def client(*arguments, **options):
        seen.append((arguments, options))
        raise ConnectionError("nobody there")

    monkeypatch.setattr(chromadb, "HttpClient", client)
    monkeypatch.setattr(qdrant_client, "QdrantClient", client)
    monkeypatch.setattr(pymilvus, "MilvusClient", client)
    with pytest.raises(VectorStoreError, match="nobody there; start the server"):
        open_store(name, server="https://voices.example:1234")
    assert "voices.example" in str(seen[0])
    assert "1234" in str(seen[0])
    assert name != "chroma" or seen[0][1]["ssl"] is True


def test_training_needs_enough_vectors():
    with pytest.raises(VectorStoreError, match="lists=50 needs 50 vectors or more to train on, got 20"):
        make("faiss-ivf", None, lists=50).add([str(i) for i in range(20)], vectors(20))
    with pytest.raises(VectorStoreError, match="bits=8 needs 256"):
        make("faiss-pq", None, bits=8).add([str(i) for i in range(20)], vectors(20))


def test_deleting_from_hnsw_marks_and_compacting_removes(tmp_path):
    store = make("faiss-hnsw", tmp_path / "h")
    x = vectors(50)
    store.add([str(i) for i in range(50)], x)
    store.delete(["7"])
    store.flush()
    assert "7" not in [hit.id for hit in store.search(x[7], 50)[0]]
    assert files_with_bytes(tmp_path / "h", x[7]), "the graph still holds the vector"
    store.close()
    again = make("faiss-hnsw", tmp_path / "h")
    assert "7" not in [hit.id for hit in again.search(x[7], 50)[0]]
    again.compact()
    again.close()
    assert not files_with_bytes(tmp_path / "h", x[7])
    assert files_with_bytes(tmp_path / "h", x[8])
    with make("faiss-hnsw", tmp_path / "h") as last:
        assert last.search(x[8], 1)[0][0].id == "8"
        last.delete([str(i) for i in range(50) if i != 7])
        last.compact()
        last.add(["7"], x[7:8])
        assert last.search(x[8], 5)[0][0].id == "7"


def test_bytes_that_are_left(tmp_path):
    x = vectors(3)
    with make("exact", tmp_path / "e") as store:
        store.add(list("abc"), x)
        store.flush()
        assert files_with_bytes(tmp_path / "e", x[1]) == ["vectors-1.npy"]
        store.delete(["b"])
    assert files_with_bytes(tmp_path / "e", x[1]) == []
    assert files_with_bytes(tmp_path / "e", x[2]) == ["vectors-2.npy"]


@pytest.mark.parametrize("name", ["exact", "faiss-flat"])
def test_a_kill_while_saving_leaves_a_whole_state(name, tmp_path):
    """A child saves ever larger states; it is killed at many moments and must always open to one of them."""
    code = (
        "import sys, numpy as np\n"
        "from diarbook.vectordb import open_store\n"
        f"store = open_store({name!r}, sys.argv[1], dimension=16)\n"
        "random = np.random.default_rng(len(store))\n"
        "print('ready', flush=True)\n"
        "while True:\n"
        "    n = len(store)\n"
        "    store.add([f'v{n + i}' for i in range(100)], random.standard_normal((100, 16)))\n"
        "    store.flush()\n"
        "    print(len(store), flush=True)\n"
    )
    random = np.random.default_rng(0)
    path, acknowledged = tmp_path / "s", 0
    for _ in range(3):
        child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
        assert child.stdout.readline() == "ready\n"
        time.sleep(random.uniform(0.05, 0.25))
        child.kill()
        lines = child.stdout.read().split()
        child.wait()
        acknowledged = int(lines[-1]) if lines else acknowledged
        with open_store(name, path, dimension=16) as store:
            assert len(store) >= acknowledged
            assert len(store) % 100 == 0
            if len(store):
                assert len(store.search(vectors(1), 10)[0]) == 10


def test_a_failed_save_keeps_the_old_state(tmp_path, monkeypatch):
    with make("exact", tmp_path / "s") as store:
        store.add(["a"], vectors(1))
        store.flush()
        store.add(["b"], vectors(1, seed=1))
        with monkeypatch.context() as patched:
            patched.setattr(np, "save", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
            with pytest.raises(VectorStoreError, match="No space left"):
                store.flush()
        assert sorted(os.listdir(tmp_path / "s")) == [
            "current.json",
            "diarbook-store.json",
            "records-1.json",
            "vectors-1.npy",
        ]
        with make("exact", tmp_path / "s") as old:
            assert len(old) == 1
    with make("exact", tmp_path / "s") as store:
        assert len(store) == 2


@pytest.mark.parametrize("damage", ["manifest", "records", "vectors", "gone"])
def test_damaged_files_are_named(damage, tmp_path):
    path = tmp_path / "s"
    with make("faiss-flat", path) as store:
        store.add(["a"], vectors(1))
    if damage == "manifest":
        (path / "current.json").write_text("nothing")
    elif damage == "records":
        (path / "records-1.json").write_text(json.dumps({"keys": []}))
    elif damage == "vectors":
        (path / "vectors-1.faiss").write_bytes(b"IxFI")
    else:
        (path / "vectors-1.faiss").unlink()
    with pytest.raises(VectorStoreError, match=r"damaged.*restore") as caught:
        make("faiss-flat", path)
    assert "\n" not in str(caught.value)


def test_no_store_is_imported_before_it_is_asked_for():
    code = "import sys, diarbook.vectordb; print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=600)
    assert not {"faiss", "qdrant_client", "pymilvus", "chromadb", "duckdb", "pyarrow", "sklearn", "torch"} & set(
        done.stdout.split()
    )


def test_nothing_is_printed(tmp_path):
    code = (
        "import sys, numpy as np\n"
        "from diarbook.vectordb import STORES, open_store\n"
        "x = np.random.default_rng(0).standard_normal((300, 16))\n"
        "for name in STORES:\n"
        "    options = {'parts': 8} if name == 'faiss-pq' else {}\n"
        "    with open_store(name, f'{sys.argv[1]}/{name}', dimension=16, **options) as store:\n"
        "        store.add([str(i) for i in range(300)], x, [{'n': i % 2} for i in range(300)])\n"
        "        store.search(x[0], 3, {'n': 1})\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, timeout=600)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


NASTY = [
    "O'Brien", "zz'] or id not in ['zz", 'zz"] or id not in ["zz', "back\\slash", "back\\",
    'dq"x', "\\'", '\\"', "%", "_",
    "'; DROP TABLE voices; --", "{}", "[]", "null", "true", "0", "-1", "1e3", "id", "a,b", "a;b", "a/b", "../a",
    "C:\\x", "\\u0041", "José", "Łoś", "王小明", "😀", "اسم", "a b", "n" * 255, "é" * 127, "#", "?", "&lt;", "`x`",
    "${x}", "%s", "\\n", "\\x00", "\\0", "*", "$1",
]  # fmt: skip


@pytest.mark.parametrize("name", STORES)
def test_exactly_the_named_id_is_deleted(name, tmp_path):
    """Whatever the ids are; pq needs a first batch to train on."""
    first = [f"plain {number}" for number in range(40)]
    with make(name, tmp_path / "nasty") as store:
        store.add(first, vectors(40))
        store.add(NASTY, vectors(len(NASTY), seed=1), [{"text": one} for one in NASTY])
        left = {*first, *NASTY}
        for one in NASTY[::2]:
            assert {hit.id for hit in store.search(vectors(1), len(left), {"text": one})[0]} == {one}
            store.delete([one])
            left.remove(one)
            assert len(store) == len(left)
            with pytest.raises(VectorStoreError, match="there is no"):
                store.delete([one])
        store.update(NASTY[1::2], vectors(len(NASTY[1::2]), seed=2))
        assert {hit.id for hit in store.search(vectors(1), len(left))[0]} == left
        store.delete(NASTY[1::2])
        assert {hit.id for hit in store.search(vectors(1), 100)[0]} == set(first)


IDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=12)
TRICKY = st.text(st.sampled_from("'\"\\[](),;= aor%_id"), min_size=1, max_size=12).map(str.strip).filter(bool)


@pytest.fixture(scope="module", params=["exact", "faiss-flat", "qdrant", "milvus", "chroma", "duckdb"])
def lasting(request, tmp_path_factory):
    with make(request.param, tmp_path_factory.mktemp("lasting") / "s") as store:
        yield store


@given(ids=st.sets(st.one_of(IDS, TRICKY).map(lambda one: " ".join(one.split())).filter(bool), min_size=2, max_size=6))
@example(ids={"zz'] or id not in ['zz", "Ann", "O'Brien"})
@example(ids={'zz"] or id not in ["zz', "\\", '\\"'})
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_id_is_a_name_and_nothing_more(lasting, ids):
    ids = sorted({unicodedata.normalize("NFC", one) for one in ids})
    assume(len(ids) > 1)
    lasting.add(ids, vectors(len(ids)))
    lasting.delete(ids[:1])
    assert {hit.id for hit in lasting.search(vectors(1), 100)[0]} == set(ids[1:])
    lasting.delete(ids[1:])
    assert len(lasting) == 0


@pytest.mark.parametrize("name", ["exact", "milvus"])
def test_an_id_is_a_name_by_the_one_rule(name, tmp_path):
    with make(name, tmp_path / "s") as store:
        for bad in ("a\tb", "a  b", " a", "a\x1b[2J", "n" * 256, "a\u200bb"):
            with pytest.raises(VectorStoreError, match=f"{name}: id name"):
                store.add([bad], vectors(1))
        with pytest.raises(VectorStoreError, match="id 7 is no text"):
            store.add([7], vectors(1))
        store.add(["Jose\u0301"], vectors(1))
        with pytest.raises(VectorStoreError, match="is there already"):
            store.add(["Jos\u00e9"], vectors(1))
        store.delete(["Jos\u00e9"])
        assert len(store) == 0


def test_a_second_milvus_handle_is_refused_and_does_not_harm_the_first(tmp_path):
    with make("milvus", tmp_path / "s") as first:
        first.add(["a"], vectors(1))
        with pytest.raises(VectorStoreError, match="is open in this program already; use that one, or close it first"):
            make("milvus", tmp_path / "s")
        assert first.search(vectors(1), 1)[0][0].id == "a"
        first.flush()
        assert len(first) == 1
    with pytest.raises(VectorStoreError, match="is a milvus store of 16 dimensions"):
        open_store("milvus", tmp_path / "s", dimension=8)
    with make("milvus", tmp_path / "s") as again:
        assert len(again) == 1


@pytest.mark.parametrize("name", ["qdrant", "milvus", "chroma", "duckdb"])
def test_whatever_a_library_raises_is_one_line_of_ours(name, tmp_path, monkeypatch):
    with make(name, tmp_path / "s") as store:
        store.add(["a"], vectors(1))

        def fail(*_, **__):
            raise RuntimeError("the moon\x07 is full\nand more")

        for method in ("_known", "_search", "_delete", "_update"):
            with monkeypatch.context() as patched:
                patched.setattr(store, method, fail)
                act = {
                    "_known": lambda: store.add(["b"], vectors(1)),
                    "_search": lambda: store.search(vectors(1), 1),
                    "_delete": lambda: store.delete(["a"]),
                    "_update": lambda: store.update(["a"], vectors(1)),
                }[method]
                with pytest.raises(VectorStoreError, match=rf"{name}: the moon\? is full; repeat, or close") as caught:
                    act()
                assert str(caught.value).isprintable()


@pytest.mark.parametrize("name", ["exact", "faiss-flat"])
@pytest.mark.parametrize("what", ["cut", "text", "fewer", "other", "gone"])
def test_damaged_vectors_are_named(name, what, tmp_path):
    with make(name, tmp_path / "s") as store:
        store.add(list("abc"), vectors(3))
    with make(name, tmp_path / "few") as few:
        few.add(["a"], vectors(1))
    [data] = (tmp_path / "s").glob("vectors-*")
    content = {
        "cut": data.read_bytes()[: data.stat().st_size // 2],
        "text": b"nothing of the sort",
        "fewer": (tmp_path / "few" / data.name).read_bytes(),
        "other": data.read_bytes()[:20],
    }
    data.unlink() if what == "gone" else data.write_bytes(content[what])
    with pytest.raises(VectorStoreError, match=r"damaged.*restore") as caught:
        make(name, tmp_path / "s")
    assert str(caught.value).isprintable()


RECORDS = [
    b"",
    b"[]",
    b"{}",
    b"\xff",
    b"[" * 99_999,
    b'{"keys": [0], "names": [[]], "metadata": [{}], "upcoming": 1}',
    b'{"keys": ["x"], "names": ["a"], "metadata": [{}], "upcoming": 1}',
    b'{"keys": [0], "names": ["a"], "metadata": [3]}',
]


@pytest.mark.parametrize("name", ["exact", "faiss-flat"])
@pytest.mark.parametrize("content", RECORDS)
@pytest.mark.parametrize("file", ["records-1.json", "current.json", "diarbook-store.json"])
def test_damaged_records_are_named(name, content, file, tmp_path):
    with make(name, tmp_path / "s") as store:
        store.add(["a"], vectors(1))
    (tmp_path / "s" / file).write_bytes(content)
    with pytest.raises(VectorStoreError, match=r"damaged.*restore") as caught:
        make(name, tmp_path / "s")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", STORES)
def test_a_kill_while_a_store_is_made_leaves_a_folder_that_opens(name, tmp_path, monkeypatch):
    """The card is written before the database: whatever moment it was, the folder says whose it is."""
    module, _, attribute = STORES[name].partition(":")
    adapter = getattr(importlib.import_module(module), attribute)

    class Killed(BaseException):
        pass

    def killed(*_, **__):
        (tmp_path / "s" / "half a database").touch()
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(adapter, "__init__", killed)
        with pytest.raises(Killed):
            make(name, tmp_path / "s")
    (tmp_path / "s" / "half a database").unlink()
    with make(name, tmp_path / "s") as store:
        assert len(store) == 0


def test_a_folder_with_a_half_written_card_is_a_new_one(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / f"{TEMPORARY}0123").write_text('{"sto')
    make("exact", tmp_path / "s").close()


def test_a_store_that_could_not_be_made_leaves_nothing(tmp_path):
    with pytest.raises(VectorStoreError, match="5 parts do not divide 16"):
        open_store("faiss-pq", tmp_path / "s", dimension=16, parts=5)
    assert not (tmp_path / "s").exists()
    (tmp_path / "mine").mkdir()
    with pytest.raises(VectorStoreError, match="5 parts do not divide 16"):
        open_store("faiss-pq", tmp_path / "mine", dimension=16, parts=5)
    assert list((tmp_path / "mine").iterdir()) == []


def test_a_store_s_folder_is_its_owner_s_alone(tmp_path):
    make("exact", tmp_path / "s").close()
    assert (tmp_path / "s").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", EXACT)
def test_no_cosine_is_above_one(name):
    x = vectors(200, seed=5) * 37.7
    with make(name, None) as store:
        store.add([str(number) for number in range(200)], x)
        scores = [hits[0].score for hits in store.search(x, 1)]
    assert max(scores) <= 1
    assert min(scores) > 1 - 1e-5
    units = unit_float32(x)
    assert exact_search(units, units, 1)[1].max() <= 1
