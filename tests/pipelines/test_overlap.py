"""The overlap-aware pipeline on people who hum, with stand-ins for both networks that hear exactly who hums when."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.streaming.tones import Embedder, as_turns, ears, hum

from diarbook.metrics import diarization_error
from diarbook.pipelines.options import SpeakerBounds
from diarbook.pipelines.overlap import (
    DEFAULTS,
    SHARES,
    OverlapSettings,
    OverlapStages,
    Voices,
    assign,
    cluster,
    embed,
    feature_frames,
    feature_items,
    label_voices,
    overlap_aware,
    reconstruct,
    segment,
)
from diarbook.segmentation.scores import chunk_grid, powerset_to_multilabel
from diarbook.turns import Turn, crop, regions, speakers

SECONDS = 40.0
TALK = [(0.5, 6.0, 0), (6.5, 12.0, 1), (12.5, 18.0, 0), (17.0, 22.0, 1), (23.0, 30.0, 2), (31.0, 38.0, 0)]


def listen(waveform):
    return ears().chunks(waveform, step=DEFAULTS.step)


STAGES = OverlapStages(segment=listen, embedder=Embedder())


def test_people_who_hum_are_told_apart_to_a_few_hundredths():
    waveform = hum(TALK, SECONDS)
    turns = overlap_aware(waveform, STAGES)
    assert len(speakers(turns)) == 3
    assert diarization_error(as_turns(TALK), turns).rate < 0.05


def test_who_never_speaks_alone_is_a_speaker_all_the_same():
    # Voice 2 hums only under the others, once under each, in chunks far apart.
    talk = [(0.5, 9.0, 0), (9.5, 19.0, 1), (3.0, 6.0, 2), (13.0, 16.0, 2), (19.5, 29.0, 0), (29.5, 39.0, 1)]
    turns = overlap_aware(hum(talk, SECONDS), STAGES)
    error = diarization_error(as_turns(talk), turns)
    assert len(speakers(turns)) >= 3
    assert error.missed < 1.0


def test_crowded_speakers_are_looked_for_in_every_second_chunk():
    waveform = hum([(0.0, 30.0, 0), (0.5, 29.5, 1)], 30.0)
    scores = listen(waveform)
    voices = embed(waveform, scores, embedder=Embedder())
    chunks = set(range(0, len(scores.starts), DEFAULTS.crowded_every)) | {len(scores.starts) - 1}
    assert set(voices.crowded[:, 0]) == chunks
    assert DEFAULTS.crowded_every * DEFAULTS.step <= 5, "each moment is looked at twice"


@pytest.mark.parametrize("most", [1, 2])
def test_with_a_known_number_nobody_gets_a_label_beyond_it(most):
    talk = [(0.5, 9.0, 0), (9.5, 19.0, 1), (3.0, 6.0, 2), (13.0, 16.0, 2)]
    waveform = hum(talk, 20.0)
    voices = embed(waveform, listen(waveform), embedder=Embedder())
    bounds = SpeakerBounds(1, most)
    labels = cluster(voices, bounds)
    assert max(labels.max(), assign(voices, labels, bounds).max(initial=0)) < most
    assert label_voices(voices, bounds).shape == (len(voices.stretches) + len(voices.crowded),)


def test_nobody_alone_is_one_speaker():
    waveform = hum([(0.0, 10.0, 0), (0.0, 10.0, 1)], 10.0)
    voices = embed(waveform, listen(waveform), embedder=Embedder())
    assert len(voices.stretches) == 0
    assert label_voices(voices).tolist() == [0] * len(voices.crowded)


@given(st.integers(0, 2_000), st.integers(20, 600))
@example(0, 20)
@example(37, 100)
def test_the_frames_of_a_stretch_lie_within_it(first, length):
    # Each feature frame's middle, half of its 25 ms after it starts, lies inside the stretch and near its edges.
    scores = chunk_grid(16_000 * 60)
    start, stop = (frame * scores.frame_step + scores.offset for frame in (first, first + length))
    frames = feature_frames(scores, np.array([[first, first + length]]))[0]
    middle_of_first, middle_of_last = frames[0] / 100 + 0.0125, (frames[1] - 1) / 100 + 0.0125
    assert start <= middle_of_first < start + 0.02
    assert stop - 0.02 < middle_of_last <= stop


@pytest.mark.parametrize("block", [0.5, 3.0, 1000.0])
def test_features_do_not_depend_on_the_block(block):
    waveform = hum(TALK, SECONDS)
    embedder, generator = Embedder(), np.random.default_rng(0)
    whole = embedder.features(waveform)
    starts = generator.integers(0, 3_700, 30)
    spans = [np.array([[start, start + 120], [start + 130, start + 180]]) for start in starts]
    seen = {}
    for rows, items in feature_items(waveform, spans, embedder, block):
        seen.update(zip(rows.tolist(), items, strict=True))
    assert sorted(seen) == list(range(30))
    for row, span in enumerate(spans):
        expected = np.concatenate([whole[first:last] for first, last in span])
        np.testing.assert_allclose(seen[row], expected, atol=1e-4)


def test_segment_uses_the_model_that_it_is_given():
    waveform = hum(TALK, SECONDS)
    assert segment(waveform, model=lambda heard: len(heard)) == len(waveform)


def test_shares_of_work_add_up():
    assert sum(SHARES.values()) == pytest.approx(1)


def test_turns_end_with_the_recording():
    waveform = hum([(0.0, 3.0, 0)], 3.0)
    turns = overlap_aware(waveform, STAGES)
    assert turns
    assert all(isinstance(turn, Turn) and 0 <= turn.start < turn.end <= 3.0 for turn in turns)


def test_what_makes_a_speaker_grows_with_the_recording_up_to_a_limit():
    settings = OverlapSettings(minimum_speaker=6.0, minimum_share=0.03)
    assert [settings.speaker_seconds(speech) for speech in (0.0, 20.0, 100.0, 200.0, 36_000.0)] == pytest.approx(
        [1.0, 1.0, 3.0, 6.0, 6.0]
    )


def test_rare_overlap_needs_more_evidence():
    settings = OverlapSettings(overlap_onset=0.5, overlap_slope=1.5, lowest_overlap_onset=0.15)
    assert [settings.overlap_threshold(share) for share in (0.0, 0.1, 0.2, 0.5)] == pytest.approx(
        [0.5, 0.35, 0.2, 0.15]
    )


def test_the_onset_of_overlap_follows_the_share_of_a_recording():
    # The same doubtful moment, in a recording of much overlap and in one of little.
    for crowded, expected in ((0, False), (400, True)):
        scores = chunk_grid(10 * 16_000)
        scores.posteriors[0, :, 1] = 1.0
        scores.posteriors[0, 100:160, 1], scores.posteriors[0, 100:160, 4] = 0.7, 0.3
        scores.posteriors[0, 180 : 180 + crowded, 1], scores.posteriors[0, 180 : 180 + crowded, 4] = 0.0, 1.0
        activity = powerset_to_multilabel(scores.posteriors)
        nobody = np.zeros((0, 2), dtype=int)
        local = np.array([[0, 0], [0, 1]])
        voices = Voices(scores, activity, nobody, local, np.eye(2, dtype=np.float32), np.ones(2))
        turns = reconstruct(voices, np.array([0, 1]))
        assert bool(len(regions(crop(turns, 1.9, 2.5), 2))) is expected
