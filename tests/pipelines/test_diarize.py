"""The pipelines: what they find on the sample, how they behave at the edges, and each stage replaced by the truth."""

from dataclasses import replace

import numpy as np
import pytest

from diarbook.assets import recording
from diarbook.audio import SAMPLE_RATE
from diarbook.errors import AudioError, OptionError
from diarbook.metrics import diarization_error
from diarbook.pipelines.cascade import CascadeStages, cascade, cluster_windows, least_speech
from diarbook.pipelines.diarize import diarize
from diarbook.pipelines.options import SpeakerBounds, speaker_bounds
from diarbook.pipelines.oracles import (
    oracle_segmentation,
    oracle_vad,
    oracle_voice_labels,
    oracle_window_labels,
    remembered,
)
from diarbook.pipelines.overlap import DEFAULTS, OverlapStages, embed, label_voices, overlap_aware, reconstruct, segment
from diarbook.pipelines.peer import pyannote_peer
from diarbook.turns import Turn, regions, speakers


@pytest.fixture(scope="module")
def sample():
    return recording("sample")


@pytest.fixture(scope="module")
def voices(sample):
    return embed(sample.waveform, segment(sample.waveform))


def rate(item, turns):
    return diarization_error(list(item.turns), turns, uem=item.uem).rate


def test_sample_below_ten_percent(sample):
    seen = []
    turns = diarize(sample.waveform, progress=lambda stage, done: seen.append((stage, done)))
    assert rate(sample, turns) <= 0.10
    assert speakers(turns) == ["SPEAKER_00", "SPEAKER_01"]
    assert turns == sorted(turns)
    assert turns[0].start >= 0
    assert max(turn.end for turn in turns) <= sample.duration
    stages = [stage for stage, _ in seen]
    assert list(dict.fromkeys(stages)) == ["segmentation", "embeddings", "clustering", "assignment", "reconstruction"]
    shares = [done for _, done in seen]
    assert shares == sorted(shares)
    assert shares[0] > 0
    assert shares[-1] == pytest.approx(1)


def test_same_input_same_output(sample, voices):
    again = embed(sample.waveform, segment(sample.waveform))
    assert np.array_equal(voices.embeddings, again.embeddings)
    assert reconstruct(voices, label_voices(voices)) == reconstruct(again, label_voices(again))


def test_voices_are_consistent(voices):
    count = len(voices.stretches) + len(voices.crowded)
    assert voices.embeddings.shape == (count, 192)
    assert voices.seconds.shape == (count,)
    assert (np.diff(voices.stretches.ravel()) >= 0).all()  # sorted and disjoint
    lengths = np.diff(voices.stretches, axis=1)[:, 0] * voices.scores.frame_step
    assert (lengths <= 2.02).all()
    assert np.isfinite(voices.embeddings).all()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_number_of_speakers_is_obeyed(voices, number):
    labels = label_voices(voices, SpeakerBounds(number, number))
    assert len(speakers(reconstruct(voices, labels))) <= number
    assert labels.max() + 1 == number


def test_truth_in_every_stage_leaves_little_error(sample):
    turns = overlap_aware(
        sample.waveform,
        OverlapStages(segment=oracle_segmentation(sample.turns), cluster=oracle_voice_labels(sample.turns)),
        settings=replace(DEFAULTS, smoothing=0.1),  # the truth does not flicker
    )
    assert rate(sample, turns) < 0.02
    better = overlap_aware(sample.waveform, OverlapStages(segment=oracle_segmentation(sample.turns)))
    assert rate(sample, better) <= rate(sample, overlap_aware(sample.waveform))


def test_oracle_segmentation_on_a_conversation_by_hand():
    turns = [Turn(1, 4, "a"), Turn(3, 6, "b"), Turn(8, 9, "c"), Turn(12, 20, "a"), Turn(14, 15, "b")]
    waveform = np.zeros(20 * SAMPLE_RATE, np.float32)
    scores = oracle_segmentation(turns)(waveform)
    assert np.allclose(scores.posteriors.sum(axis=-1), 1)
    from diarbook.segmentation.scores import speech_and_overlap

    speech, overlap = (scores.aggregate(part) for part in speech_and_overlap(scores.posteriors))
    assert abs(speech.sum() * scores.frame_step - 14) < 0.1
    assert abs(overlap.sum() * scores.frame_step - 2) < 0.1


def test_oracle_cascade_misses_only_overlap(sample):
    turns = cascade(
        sample.waveform, CascadeStages(vad=oracle_vad(sample.turns), cluster=oracle_window_labels(sample.turns))
    )
    error = diarization_error(list(sample.turns), turns, uem=sample.uem)
    overlap = np.diff(regions(sample.turns, 2), axis=1).sum()
    assert error.false_alarm < 0.01
    assert error.missed == pytest.approx(overlap, abs=0.1)
    assert error.confusion < 0.1 * error.total


def test_cascade_on_the_sample(sample):
    # Told that there are two: its single threshold merges these two telephone voices.
    seen = []
    turns = diarize(
        sample.waveform, pipeline="cascade", num_speakers=2, progress=lambda stage, done: seen.append(stage)
    )
    assert rate(sample, turns) < 0.2
    assert regions(turns, 2).size == 0
    assert seen == ["segmentation", "embeddings", "clustering", "reconstruction"]


def test_every_stage_of_the_cascade_is_called_with_what_the_one_before_it_returned():
    waveform = np.full(4 * SAMPLE_RATE, 0.1, np.float32)
    embeddings = np.array([[1.0, 0.0], [np.nan, np.nan], [0.0, 1.0]])
    stages = CascadeStages(
        vad=lambda heard: np.array([[0.0, 3.0]]) if heard is not None else None,
        windows=lambda speech: np.array([[0, 1], [1, 2], [2, 3]]) + speech[0, 0],
        embed=lambda heard, pieces: embeddings[: len(pieces)],
        cluster=lambda vectors, pieces, bounds: np.array([7, 7, 3])[: len(vectors)],
        smooth=lambda pieces, labels: [
            Turn(float(a), float(b), str(k)) for (a, b), k in zip(pieces, labels, strict=True)
        ],
    )
    turns = cascade(waveform, stages)
    assert turns == [Turn(0, 1, "SPEAKER_00"), Turn(1, 2, "SPEAKER_00"), Turn(2, 3, "SPEAKER_01")]


def test_windows_too_short_to_embed_follow_their_neighbor():
    windows = np.array([[0.0, 1.5], [1.5, 1.6], [4.0, 5.5], [5.6, 5.7]])
    embeddings = np.array([[1.0, 0.0], [np.nan, np.nan], [0.0, 1.0], [np.nan, np.nan]])
    assert cluster_windows(embeddings, windows, minimum_speaker=0.0).tolist() == [0, 0, 1, 1]
    assert cluster_windows(embeddings[1::2], windows[1::2]).tolist() == [0, 0]


def test_windows_that_overlap_count_once_for_the_least_speech_of_a_speaker():
    starts = np.arange(0.0, 60.0, 0.75)
    windows = np.column_stack([starts, starts + 1.5])  # 60.75 s of speech
    assert least_speech(windows) == pytest.approx(0.03 * 60.75)
    apart = np.array([[0.0, 50.0], [100.0, 150.0]])
    assert least_speech(apart) == pytest.approx(3.0)
    assert least_speech(np.array([[0.0, 1000.0]])) == 6.0
    assert least_speech(np.array([[0.0, 1.0]])) == 1.0


@pytest.mark.parametrize("pipeline", ["overlap", "cascade", "pyannote"])
def test_silence_has_no_speakers(pipeline):
    assert diarize(np.zeros(3 * SAMPLE_RATE, np.float32), pipeline=pipeline) == []


def test_quiet_noise_has_no_speakers():
    noise = 0.001 * np.random.default_rng(0).standard_normal(12 * SAMPLE_RATE).astype(np.float32)
    assert overlap_aware(noise) == []
    assert cascade(noise) == []


@pytest.mark.parametrize("seconds", [0.1, 0.3, 1.0, 9.99, 10.02, 11.0])
def test_any_length(sample, seconds):
    waveform = sample.waveform[7 * SAMPLE_RATE :][: round(seconds * SAMPLE_RATE)]
    for turns in (overlap_aware(waveform), cascade(waveform)):
        assert all(0 <= turn.start < turn.end <= seconds + 1e-6 for turn in turns)
    assert len(overlap_aware(waveform)) > 0 or seconds < 1


def test_a_tone_or_clipped_noise_raises_nothing():
    time = np.arange(5 * SAMPLE_RATE) / SAMPLE_RATE
    for waveform in (np.sin(2 * np.pi * 440 * time), np.sign(np.random.default_rng(1).standard_normal(len(time)))):
        assert isinstance(overlap_aware(waveform.astype(np.float32)), list)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_speakers": 0}, "num_speakers must be 1"),
        ({"max_speakers": -1}, "max_speakers must be 1"),
        ({"num_speakers": 2, "max_speakers": 3}, "not both"),
        ({"min_speakers": 3, "max_speakers": 2}, "above"),
    ],
)
def test_contradicting_numbers(options, message):
    with pytest.raises(OptionError, match=message):
        speaker_bounds(**options)
    for pipeline in ("overlap", "cascade", "pyannote"):
        with pytest.raises(OptionError, match=message):
            diarize(np.zeros(SAMPLE_RATE, np.float32), pipeline=pipeline, **options)


def test_bounds():
    assert speaker_bounds() == SpeakerBounds(1, None)
    assert speaker_bounds(num_speakers=3) == SpeakerBounds(3, 3)
    assert speaker_bounds(min_speakers=2) == SpeakerBounds(2, None)
    assert speaker_bounds(max_speakers=2) == SpeakerBounds(1, 2)


def test_bad_input():
    with pytest.raises(OptionError, match="unknown pipeline"):
        diarize(np.zeros(SAMPLE_RATE, np.float32), pipeline="magic")
    for pipeline in ("overlap", "cascade", "pyannote"):
        with pytest.raises(AudioError, match="finite"):
            diarize(np.full(SAMPLE_RATE, np.nan, np.float32), pipeline=pipeline)
        with pytest.raises(AudioError, match=r"0\.1 s"):
            diarize(np.zeros(100, np.float32), pipeline=pipeline)


@pytest.mark.peer
def test_the_peer_runs_offline_on_the_same_networks(sample):
    turns = pyannote_peer(sample.waveform)
    assert rate(sample, turns) < 0.10
    assert len(speakers(turns)) == 2


def test_a_remembered_stage_runs_once_for_the_same_bytes():
    calls = []
    stage = remembered(lambda *arrays: calls.append(1) or sum(a.sum() for a in arrays))
    one, two = np.arange(3.0), np.ones(2)
    assert stage(one, two) == stage(one.copy(), two.copy()) == 5
    assert len(calls) == 1
    assert stage(one + 1, two) == 8
    assert len(calls) == 2
    assert stage(one.reshape(3, 1), two) == 5
    assert len(calls) == 3, "the same bytes in another shape are another input"
