import numpy as np
import pytest
from scipy.optimize import brentq
from sklearn.metrics import roc_curve

from diarbook import assets
from diarbook.assets import Recording
from diarbook.embeddings import (
    cosine_similarity,
    embed_excerpts,
    load_embedder,
    single_speaker_excerpts,
    speaker_interval,
    trial_scores,
)
from diarbook.embeddings.trials import Excerpt, nearest_is_same_speaker
from diarbook.errors import OptionError
from diarbook.metrics.verification import equal_error_rate
from diarbook.turns import Turn

TURNS = (Turn(0.0, 5.0, "a"), Turn(4.0, 9.0, "b"), Turn(9.5, 11.0, "a"), Turn(11.0, 12.0, "b"))


def recording(name: str = "r", turns: tuple[Turn, ...] = TURNS) -> Recording:
    waveform = np.random.default_rng(0).normal(0, 0.1, 16_000 * 12).astype(np.float32)
    return Recording(name, waveform, turns, np.array([[0.0, 12.0]]), "test")


def test_excerpts_worked_by_hand():
    excerpts = single_speaker_excerpts([recording()], 1.5, 2.5)
    assert excerpts == [
        Excerpt("r", 0.0, 2.5, "a"),
        Excerpt("r", 2.5, 4.0, "a"),  # 1.5 s are left: kept
        Excerpt("r", 5.0, 7.5, "b"),
        Excerpt("r", 7.5, 9.0, "b"),
        Excerpt("r", 9.5, 11.0, "a"),
    ]
    assert [excerpt.duration for excerpt in single_speaker_excerpts([recording()], 2.0, 2.0)] == [2.0] * 4


def test_impossible_lengths_are_refused():
    with pytest.raises(OptionError, match="minimum <= maximum"):
        single_speaker_excerpts([recording()], 3.0, 2.0)


def test_every_pair_once_with_its_labels():
    excerpts = [Excerpt("r", 0, 2, "a"), Excerpt("r", 2, 4, "b"), Excerpt("s", 0, 2, "a"), Excerpt("s", 2, 4, "b")]
    embeddings = np.random.default_rng(1).standard_normal((4, 8))
    trials = trial_scores(embeddings, excerpts)
    assert list(zip(trials.first, trials.second, strict=True)) == [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)]
    assert trials.labels.tolist() == [False, True, False, False, True, False]
    assert trials.same_recording.tolist() == [True, False, False, False, False, True]
    np.testing.assert_allclose(trials.scores, cosine_similarity(embeddings)[trials.first, trials.second])
    embeddings[1] = np.nan
    assert len(trial_scores(embeddings, excerpts)) == 3
    with pytest.raises(OptionError, match="one each"):
        trial_scores(embeddings[:3], excerpts)


def test_excerpts_without_their_recording_are_refused():
    with pytest.raises(OptionError, match="'s'"):
        embed_excerpts(load_embedder(), [recording()], [Excerpt("s", 0, 2, "a")])


def test_middle_of_a_excerpt():
    one = recording()
    short = embed_excerpts(load_embedder(), [one], [Excerpt("r", 1.0, 3.0, "a")], seconds=1.0)
    np.testing.assert_allclose(short, load_embedder().embed(one.waveform, [[1.5, 2.5]]), atol=1e-5)


@pytest.fixture(scope="module")
def clips():
    found = [item for item in assets.recordings() if item.name != "sample"]
    assert len(found) == 14
    return found


@pytest.mark.parametrize(("name", "limit"), [("campplus", 0.065), ("ge2e", 0.14)])
def test_equal_error_rate_on_real_excerpts(clips, name, limit):
    excerpts = single_speaker_excerpts(clips)
    assert len(excerpts) == 77
    assert all(1.5 - 1e-6 <= excerpt.duration <= 2 + 1e-6 for excerpt in excerpts)
    trials = trial_scores(embed_excerpts(load_embedder(name), clips, excerpts), excerpts)
    assert (len(trials), int(trials.labels.sum())) == (2926, 391)
    rate = equal_error_rate(trials.scores, trials.labels)
    assert rate <= limit
    accepted, hit, _ = roc_curve(trials.labels, trials.scores)
    independent = brentq(lambda x: 1 - x - np.interp(x, accepted, hit), 0, 1)
    assert rate == pytest.approx(independent, abs=0.003)
    low, high = speaker_interval(equal_error_rate, trials, samples=200)
    assert low < rate < high


def test_interval_draws_speakers():
    # Speaker 1 is the only one ever missed, so samples without it have no error and samples full of it have many.
    excerpts = [Excerpt("r", i, i + 1, speaker) for i, speaker in enumerate("aaabbbcccddd")]
    embeddings = np.repeat(np.eye(4), 3, axis=0) + 1e-3 * np.random.default_rng(0).standard_normal((12, 4))
    embeddings[0], embeddings[3] = np.eye(4)[1], np.eye(4)[0]  # a and b swap one excerpt
    trials = trial_scores(embeddings, excerpts)
    low, high = speaker_interval(equal_error_rate, trials, samples=300)
    assert low == 0.0
    assert high > equal_error_rate(trials.scores, trials.labels) > 0
    assert speaker_interval(equal_error_rate, trials, samples=300) == (low, high)
    with pytest.raises(OptionError, match="level"):
        speaker_interval(equal_error_rate, trials, level=95)


def test_interval_without_targets_is_nan():
    trials = trial_scores(np.eye(3), [Excerpt("r", i, i + 1, str(i)) for i in range(3)])
    assert np.isnan(speaker_interval(equal_error_rate, trials, samples=5)).all()


def test_nearest_neighbors_by_an_independent_search():
    from sklearn.neighbors import NearestNeighbors
    from sklearn.preprocessing import StandardScaler

    generator = np.random.default_rng(3)
    gallery = generator.normal(size=(40, 5)) * [1, 10, 100, 0.1, 1]
    queries = gallery + 0.3 * gallery.std(axis=0) * generator.normal(size=(40, 5))
    speakers = np.array(list("abcd") * 10)
    scaler = StandardScaler().fit(gallery)
    order = NearestNeighbors(n_neighbors=2).fit(scaler.transform(gallery)).kneighbors(scaler.transform(queries))[1]
    expected = np.where(order[:, 0] == np.arange(40), order[:, 1], order[:, 0])
    same, nearest = nearest_is_same_speaker(gallery, speakers, queries)
    assert nearest.tolist() == expected.tolist()
    assert same.tolist() == (speakers[expected] == speakers).tolist()


def test_a_coordinate_that_never_changes_counts_for_nothing():
    gallery = np.array([[0.0, 7.0], [1.0, 7.0], [5.0, 7.0]])
    assert nearest_is_same_speaker(gallery, ["a", "a", "b"], gallery)[1].tolist() == [1, 0, 1]
    with pytest.raises(OptionError, match="2 speakers"):
        nearest_is_same_speaker(gallery, ["a", "b"], gallery)


def test_rows_of_one_room_can_be_kept_from_being_neighbors():
    gallery = np.array([[0.0], [0.1], [3.0], [9.0]])
    speakers, rooms = ["a", "b", "a", "b"], ["r", "r", "s", "s"]
    assert nearest_is_same_speaker(gallery, speakers, gallery)[1].tolist() == [1, 0, 1, 2]
    same, nearest = nearest_is_same_speaker(gallery, speakers, gallery, rooms)
    assert nearest.tolist() == [2, 2, 1, 1]
    assert same.tolist() == [True, False, False, True]
