"""Exact search, recall, the methods by hand against FAISS, and the model of many voices."""

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diarbook import embeddings as emb
from diarbook.assets import recordings
from diarbook.errors import VectorStoreError
from diarbook.vectordb import exact_search, extend_embeddings, fit_population, recall_at_k
from diarbook.vectordb.by_hand import build_inverted_file, build_small_world, train_product_quantizer


def unit(count, dimension=16, seed=0):
    x = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


# ------------------------------------------------------------ exact search and recall


def test_exact_search_by_hand():
    x = np.array([[1, 0], [0, 1], [0.6, 0.8], [-1, 0]], dtype=np.float32)
    positions, scores = exact_search(x, np.array([[1, 0]], dtype=np.float32), 3)
    assert positions.tolist() == [[0, 2, 1]]
    assert np.allclose(scores, [[1, 0.6, 0]])


@given(st.integers(1, 40), st.integers(1, 5), st.integers(0, 999), st.integers(1, 60))
def test_exact_search_is_a_sort(count, queries, seed, block):
    x, q = unit(count, 4, seed), unit(queries, 4, seed + 1)
    k = 1 + seed % count
    positions, scores = exact_search(x, q, k)
    table = q.astype(float) @ x.T.astype(float)
    assert np.allclose(scores, -np.sort(-table, axis=1)[:, :k], atol=1e-5)
    assert np.allclose(np.take_along_axis(table, positions, axis=1), scores, atol=1e-5)


def test_exact_search_agrees_with_faiss_and_breaks_ties_by_row():
    x, q = unit(500, 192), unit(20, 192, 1)
    index = faiss.IndexFlatIP(192)
    index.add(x)
    assert (exact_search(x, q, 10)[0] == index.search(q, 10)[1]).all()
    assert exact_search(np.tile(x[:1], (6, 1)), x[:1], 4)[0].tolist() == [[0, 1, 2, 3]]


def test_exact_search_in_blocks(monkeypatch):
    x, q = unit(50), unit(9, seed=1)
    whole = exact_search(x, q, 5)[0]
    monkeypatch.setattr("diarbook.vectordb.exact.BLOCK_SCORES", 120)
    assert (exact_search(x, q, 5)[0] == whole).all()


def test_recall_by_hand():
    truth = [[1, 2, 3], [4, 5, 6]]
    assert recall_at_k([[1, 9, 3], [6, 5, 4]], truth, 3) == pytest.approx((2 / 3 + 1) / 2)
    assert recall_at_k([[1, 9, 3], [6, 5, 4]], truth, 1) == 0.5
    assert recall_at_k([[], [4]], truth, 1) == 0.5
    assert np.isnan(recall_at_k([], [], 1))
    with pytest.raises(VectorStoreError, match="1 results for 2 queries"):
        recall_at_k([[1]], truth, 1)
    with pytest.raises(VectorStoreError, match="truth holds 3"):
        recall_at_k(truth, truth, 4)
    with pytest.raises(VectorStoreError, match="k must be"):
        exact_search(unit(3), unit(1), 4)
    with pytest.raises(VectorStoreError, match="dimensions"):
        exact_search(unit(3), unit(1, 8), 1)


# ------------------------------------------------------------ by hand


@pytest.fixture(scope="module")
def gallery():
    """Clusters of 10 around 150 centers, as voices are, and queries near some of them."""
    centers = unit(150, 32)
    random = np.random.default_rng(1)
    x = np.repeat(centers, 10, axis=0) + 0.12 * random.standard_normal((1500, 32)).astype(np.float32)
    q = centers[:60] + 0.12 * random.standard_normal((60, 32)).astype(np.float32)
    x, q = (a / np.linalg.norm(a, axis=1, keepdims=True) for a in (x, q))
    return x, q, exact_search(x, q, 10)[0]


def test_inverted_file_against_faiss(gallery):
    x, q, truth = gallery
    ours = build_inverted_file(x, 30)
    assert sorted(np.concatenate(ours.lists).tolist()) == list(range(len(x)))
    recalls = [recall_at_k([ours.search(one, 10, probes)[0] for one in q], truth, 10) for probes in (1, 2, 4, 30)]
    assert recalls == sorted(recalls)
    assert recalls[-1] == 1
    index = faiss.index_factory(32, "IVF30,Flat", faiss.METRIC_INNER_PRODUCT)
    index.train(x)
    index.add(x)
    for probes, recall in zip((1, 4), (recalls[0], recalls[2]), strict=True):
        index.nprobe = probes
        assert abs(recall - recall_at_k(index.search(q, 10)[1], truth, 10)) < 0.08


def test_inverted_file_equals_faiss_with_the_same_centroids(gallery):
    x, q, _ = gallery
    ours = build_inverted_file(x, 30)
    quantizer = faiss.IndexFlatIP(32)
    quantizer.add(ours.centroids)
    index = faiss.IndexIVFFlat(quantizer, 32, 30, faiss.METRIC_INNER_PRODUCT)
    index.add(x)
    index.nprobe = 3
    scores, rows = index.search(q, 5)
    for one, row, score in zip(q, rows, scores, strict=True):
        mine = ours.search(one, 5, 3)
        assert mine[0].tolist() == row.tolist()
        assert np.allclose(mine[1], score, atol=1e-5)


def test_product_quantizer_equals_faiss_with_the_same_codebooks(gallery):
    x, q, truth = gallery
    ours = train_product_quantizer(x, 8, 64)
    index = faiss.IndexPQ(32, 8, 6, faiss.METRIC_INNER_PRODUCT)
    faiss.copy_array_to_vector(ours.codebooks.ravel(), index.pq.centroids)
    index.is_trained = True
    index.add(x)
    codes = ours.encode(x)
    assert codes.dtype == np.uint8
    assert codes.shape == (1500, 8)
    assert np.allclose(ours.decode(codes), index.reconstruct_n(0, len(x)), atol=1e-6)
    scores, _ = index.search(q, len(x))
    assert np.allclose(-np.sort(-ours.scores(q[0], codes)), scores[0], atol=1e-4)
    assert np.allclose(ours.scores(q[0], codes), ours.decode(codes) @ q[0], atol=1e-5)
    theirs = faiss.IndexPQ(32, 8, 6, faiss.METRIC_INNER_PRODUCT)
    theirs.train(x)
    theirs.add(x)
    mine = recall_at_k([np.argsort(-ours.scores(one, codes))[:10] for one in q], truth, 10)
    assert mine > recall_at_k(theirs.search(q, 10)[1], truth, 10) - 0.08


def test_product_quantizer_by_hand():
    x = np.array([[0, 0, 5, 5], [1, 1, 5, 5], [0, 0, 9, 9], [1, 1, 9, 9]], dtype=np.float32)
    pq = train_product_quantizer(x, 2, 2, seed=1)
    codes = pq.encode(x)
    assert np.allclose(pq.decode(codes), x)
    assert np.allclose(pq.scores(np.array([1, 0, 0, 2.0]), codes), [10, 11, 18, 19])
    with pytest.raises(VectorStoreError, match="3 parts do not divide 4"):
        train_product_quantizer(x, 3, 2)
    with pytest.raises(VectorStoreError, match="codewords must be 2 to 4"):
        train_product_quantizer(x, 2, 5)


def test_small_world_against_faiss(gallery):
    x, q, truth = gallery
    graph = build_small_world(x)
    sizes = [len(layer) for layer in graph.layers]
    assert sizes[0] == len(x)
    assert sizes == sorted(sizes, reverse=True)
    assert max(len(edges) for edges in graph.layers[0].values()) <= 16
    assert all(row in graph.layers[level] for level in range(len(sizes)) for row in graph.layers[-1])
    results = {width: [graph.search(one, 10, width) for one in q] for width in (10, 40, 160)}
    recalls = [recall_at_k([hit[0] for hit in hits], truth, 10) for hits in results.values()]
    looked = [np.mean([hit[2] for hit in hits]) for hits in results.values()]
    assert recalls == sorted(recalls)
    assert looked == sorted(looked)
    assert looked[1] < len(x) / 2
    rows, scores, _ = graph.search(q[0], 5, 40)
    assert np.allclose(scores, x[rows] @ q[0], atol=1e-6)
    assert scores.tolist() == sorted(scores.tolist(), reverse=True)
    index = faiss.IndexHNSWFlat(32, 8, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 40
    index.add(x)
    index.hnsw.efSearch = 40
    assert abs(recalls[1] - recall_at_k(index.search(q, 10)[1], truth, 10)) < 0.1


# ------------------------------------------------------------ many voices


@pytest.fixture(scope="module")
def real():
    clips = [clip for clip in recordings() if clip.name != "sample"]
    chunks = emb.single_speaker_excerpts(clips)
    vectors = emb.embed_excerpts(emb.load_embedder("campplus"), clips, chunks)
    return emb.unit_length(vectors), [chunk.speaker for chunk in chunks]


def spread(vectors, labels):
    labels = np.unique(labels, return_inverse=True)[1]
    first, second = np.triu_indices(len(vectors), 1)
    cosines, same = (vectors @ vectors.T)[first, second], (labels[:, None] == labels)[first, second]
    return cosines[same].mean(), cosines[same].std(), cosines[~same].mean(), cosines[~same].std()


def test_invented_voices_score_like_real_ones(real):
    made = spread(*extend_embeddings(*real, 1200, seed=1, each=4))
    true = spread(*real)
    assert made[0] == pytest.approx(true[0], abs=0.03)
    assert made[2] == pytest.approx(true[2], abs=0.03)
    assert made[3] == pytest.approx(true[3], abs=0.02)
    assert 0.6 * true[1] < made[1] < true[1], "stated weakness: same-speaker scores scatter too little"


def test_invented_voices_are_repeatable_and_whole(real):
    x, who = extend_embeddings(*real, 25, seed=3, each=4)
    again, _ = extend_embeddings(*real, 25, seed=3, each=4)
    other, _ = extend_embeddings(*real, 25, seed=4, each=4)
    assert x.dtype == np.float32
    assert x.shape == (25, 192)
    assert (x == again).all()
    assert not np.isclose(x, other).all(axis=1).any()
    assert np.bincount(who).tolist() == [4, 4, 4, 4, 4, 4, 1]
    assert np.allclose(np.linalg.norm(x, axis=1), 1, atol=1e-5)
    assert len(np.unique(x.round(5), axis=0)) == 25


def test_a_population_is_made_in_blocks_alike(real, monkeypatch):
    population = fit_population(*real)
    monkeypatch.setattr("diarbook.vectordb.population.BLOCK", 10)
    x, who = population.sample(33, 3, seed=0)
    same, _, different, _ = spread(x, who)
    assert same > different + 0.3


def test_the_model_finds_its_own_moments_again():
    """Fitted to what it made, with much of it, it gives about what it was."""
    random = np.random.default_rng(0)
    speakers = np.repeat(random.standard_normal((400, 8)) * 0.25, 5, axis=0)
    x = np.array([0.9, 0, 0, 0, 0, 0, 0, 0]) + speakers + 0.1 * random.standard_normal((2000, 8))
    labels = np.repeat(np.arange(400), 5)
    wanted = spread(x / np.linalg.norm(x, axis=1, keepdims=True), labels)
    got = spread(*fit_population(x, labels, between_shrinkage=0.01, within_shrinkage=0.01).sample(400, 5, seed=1))
    assert np.allclose(got, wanted, atol=0.05)


def test_what_cannot_be_extended():
    x = unit(4)
    for message, vectors, labels in [
        ("labels for embeddings", x, [1, 2]),
        ("one of them heard twice", x, [1, 2, 3, 4]),
        ("one of them heard twice", x, [1, 1, 1, 1]),
        ("zero or not finite", x * [[0], [1], [1], [1]], [1, 1, 2, 2]),
        ("check the labels", np.array([[1, 0], [0, 1], [1, 0], [0, 1]]), [1, 1, 2, 2]),
    ]:
        with pytest.raises(VectorStoreError, match=message):
            fit_population(vectors, labels)
    with pytest.raises(VectorStoreError, match="n must be 1 or more"):
        extend_embeddings(x, [1, 1, 2, 2], 0)
    with pytest.raises(VectorStoreError, match="above 0"):
        fit_population(x, [1, 1, 2, 2], between_shrinkage=0)
