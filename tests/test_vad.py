"""Detectors on signals whose answer is known, hysteresis by hand and under properties, Silero against its package."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diarbook import vad
from diarbook.assets import recording
from diarbook.errors import AudioError, OptionError
from diarbook.metrics import detection, detection_error
from diarbook.turns import regions


def bursts(spans: list[tuple[float, float]], seconds: float, noise_db: float = -60.0, seed: int = 0) -> np.ndarray:
    """A 300 Hz tone at -10 dB inside the spans, white noise throughout."""
    time = np.arange(int(seconds * 16_000)) / 16_000
    waveform = np.random.default_rng(seed).normal(0, 10 ** (noise_db / 20), len(time))
    for start, end in spans:
        waveform += np.where((time >= start) & (time < end), 10 ** (-10 / 20) * np.sin(2 * np.pi * 300 * time), 0)
    return waveform.astype(np.float32)


# ---------------------------------------------------------------- hysteresis by hand


def test_two_thresholds_by_hand():
    scores = np.array([0.1, 0.6, 0.9, 0.5, 0.4, 0.2, 0.5, 0.9])
    # Starts at the first score of 0.8 or more, lasts while it is not below 0.4.
    np.testing.assert_allclose(vad.Hysteresis(0.8, 0.4).regions(scores, 1.0), [[2, 5], [7, 8]])
    np.testing.assert_allclose(vad.Hysteresis(0.5).regions(scores, 1.0), [[1, 4], [6, 8]])


def test_thresholds_are_met_by_equality():
    assert vad.Hysteresis(0.5).regions(np.array([0.5, 0.49]), 1.0).tolist() == [[0, 1]]


def test_order_of_fill_drop_and_pad():
    scores = np.array([0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0], float)
    np.testing.assert_allclose(vad.Hysteresis().regions(scores, 0.1), [[0.1, 0.2], [0.3, 0.4], [0.8, 0.9]])
    filled = vad.Hysteresis(minimum_silence=0.2).regions(scores, 0.1)
    np.testing.assert_allclose(filled, [[0.1, 0.4], [0.8, 0.9]])
    # The lone frame goes before padding could make it long enough.
    dropped = vad.Hysteresis(minimum_silence=0.2, minimum_speech=0.25, padding=0.15).regions(scores, 0.1)
    np.testing.assert_allclose(dropped, [[0, 0.55]], atol=1e-12)


def test_a_pause_of_exactly_the_minimum_stays():
    scores = np.array([1, 0, 0, 0, 1], float)
    assert len(vad.Hysteresis(minimum_silence=0.3).regions(scores, 0.1)) == 2
    assert len(vad.Hysteresis(minimum_silence=0.31).regions(scores, 0.1)) == 1


def test_padding_that_meets_joins():
    scores = np.array([1, 0, 0, 1], float)
    np.testing.assert_allclose(vad.Hysteresis(padding=0.1).regions(scores, 0.1), [[0, 0.4]], atol=1e-12)


def test_duration_cuts():
    np.testing.assert_allclose(vad.Hysteresis().regions(np.ones(10), 0.1, 0.95), [[0, 0.95]])


def test_nothing_and_everything():
    assert vad.Hysteresis().regions(np.zeros(5), 0.1).shape == (0, 2)
    assert vad.Hysteresis().regions(np.zeros(0), 0.1).shape == (0, 2)
    np.testing.assert_allclose(vad.Hysteresis().regions(np.ones(5), 0.1), [[0, 0.5]])


@given(
    scores=st.lists(st.floats(0, 1), max_size=80),
    onset=st.floats(0, 1),
    gap=st.floats(0, 0.5),
    minimum_speech=st.floats(0, 0.5),
    minimum_silence=st.floats(0, 0.5),
    padding=st.floats(0, 0.3),
)
@settings(max_examples=300, deadline=None)
def test_regions_are_sorted_disjoint_within_and_long_enough(
    scores, onset, gap, minimum_speech, minimum_silence, padding
):
    step = 0.05
    result = vad.Hysteresis(onset, onset - gap, minimum_speech, minimum_silence, padding).regions(
        np.array(scores), step
    )
    assert result.shape[1] == 2
    assert (result >= 0).all()
    assert (result <= len(scores) * step + 1e-9).all()
    assert (np.diff(result, axis=1) >= max(minimum_speech, 1e-9) - 1e-6).all()
    assert (result[1:, 0] - result[:-1, 1] >= minimum_silence - 1e-6).all()
    assert (result[1:, 0] > result[:-1, 1]).all()


@given(scores=st.lists(st.floats(0, 1), min_size=1, max_size=60), onset=st.floats(0, 1), lower=st.floats(0, 1))
@settings(max_examples=100, deadline=None)
def test_hysteresis_is_the_loop_that_one_would_write(scores, onset, lower):
    offset = min(onset, lower)
    state, expected = False, []
    for score in scores:
        state = score >= offset if state else score >= onset
        expected.append(state)
    found = vad.Hysteresis(onset, offset).regions(np.array(scores), 1.0)
    active = detection.share_of_frames(found, 1.0, len(scores)) > 0.5
    assert active.tolist() == expected


@given(st.lists(st.floats(0, 1), max_size=60), st.floats(0, 1), st.floats(0, 0.2))
@settings(max_examples=100, deadline=None)
def test_a_lower_onset_never_loses_speech(scores, onset, less):
    high = detection.share_of_frames(vad.Hysteresis(onset).regions(np.array(scores), 1.0), 1.0, len(scores))
    low = detection.share_of_frames(vad.Hysteresis(onset - less).regions(np.array(scores), 1.0), 1.0, len(scores))
    assert (low >= high).all()


@pytest.mark.parametrize(
    "call",
    [
        lambda: vad.Hysteresis().regions(np.zeros((2, 2)), 0.1),
        lambda: vad.Hysteresis().regions(np.array([0, np.nan]), 0.1),
        lambda: vad.Hysteresis().regions(np.zeros(3), 0),
        lambda: vad.Hysteresis(0.3, 0.5),
        lambda: vad.Hysteresis(padding=-1),
        lambda: vad.fit_two_gaussians(np.zeros(1)),
        lambda: vad.fit_two_gaussians(np.array([0, np.nan])),
        lambda: detection.share_of_frames(np.array([[0, 2], [1, 3]]), 0.1, 5),
        lambda: detection.share_of_frames(np.array([[2.0, 1.0]]), 0.1, 5),
        lambda: detection.share_of_frames(np.array([[1.0, 2.0]]), 0, 5),
        lambda: detection.detection_curve([np.zeros(3)], [], 0.1),
        lambda: detection.detection_curve([], [], 0.1),
        lambda: detection.detection_curve([np.array([np.nan])], [np.empty((0, 2))], 0.1),
        lambda: detection.segment_scores(np.empty((0, 2)), np.empty((0, 2)), 0),
    ],
)
def test_bad_options_are_refused(call):
    with pytest.raises(OptionError):
        call()


# ---------------------------------------------------------------- energy and Gaussians


def test_log_energy_of_a_sine():
    sine = np.sin(2 * np.pi * 400 * np.arange(16_000) / 16_000).astype(np.float32)
    levels = vad.log_energy(sine)
    assert len(levels) == 100
    np.testing.assert_allclose(levels, 10 * np.log10(0.5), atol=0.05)


def test_noise_floor_follows_the_background():
    levels = np.concatenate([np.full(1000, -60.0), np.full(1000, -40.0)])
    floor = vad.noise_floor(levels, memory=2.0)
    assert floor[100] == -60
    assert floor[1900] == -40
    assert floor[1100] == -60  # 1 s after the change the quiet part is still remembered


SPANS = [(1.0, 2.0), (3.5, 5.0), (7.0, 7.6)]


@pytest.mark.parametrize(
    ("detector", "rule"), [(vad.energy_vad, vad.ENERGY_RULE), (vad.gaussian_vad, vad.GAUSSIAN_RULE)]
)
def test_bursts_are_detected_to_a_tenth_of_a_second(detector, rule):
    found = detector(bursts(SPANS, 10.0), replace(rule, padding=0.0))
    assert found.shape == (3, 2)
    # Smoothing over 0.1 or 0.3 s spreads a burst that is far above the threshold.
    assert np.abs(found - np.array(SPANS)).max() <= 0.16


@pytest.mark.parametrize("noise", [-70.0, -50.0, -40.0])
def test_the_energy_threshold_adapts(noise):
    assert (
        len(vad.energy_vad(bursts(SPANS, 10.0, noise_db=noise), replace(vad.ENERGY_RULE, onset=15.0, offset=12.0))) == 3
    )


@pytest.mark.parametrize("detector", [vad.energy_vad, vad.gaussian_vad, vad.silero_vad, vad.segmentation_vad])
def test_silence_and_steady_noise_are_empty(detector):
    assert detector(np.zeros(32_000, np.float32)).shape == (0, 2)
    assert detector(bursts([], 2.0)).shape == (0, 2)


@pytest.mark.parametrize("detector", [vad.energy_vad, vad.gaussian_vad, vad.silero_vad, vad.segmentation_vad])
def test_bad_waveforms_are_refused(detector):
    for waveform in (np.zeros(100), np.zeros((2, 16_000)), np.full(16_000, np.nan)):
        with pytest.raises(AudioError):
            detector(waveform)


def test_em_is_sklearns():
    from sklearn.mixture import GaussianMixture

    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(-60, 3, 700), rng.normal(-30, 8, 300)])
    ours = vad.fit_two_gaussians(values, iterations=1000, tolerance=1e-12)
    theirs = GaussianMixture(2, means_init=[[-60], [-30]], tol=1e-10, max_iter=1000, reg_covar=0).fit(values[:, None])
    np.testing.assert_allclose(ours.means, theirs.means_.ravel(), atol=1e-2)
    np.testing.assert_allclose(ours.deviations, np.sqrt(theirs.covariances_.ravel()), atol=1e-2)
    np.testing.assert_allclose(ours.weights, theirs.weights_, atol=1e-3)
    between = np.linspace(*ours.means, 20)
    np.testing.assert_allclose(
        ours.speech_probability(between), theirs.predict_proba(between[:, None])[:, 1], atol=1e-3
    )


@given(st.lists(st.floats(-100, 0), min_size=2, max_size=60))
@settings(max_examples=100, deadline=None)
def test_likelihood_never_falls_and_probability_never_decreases_with_level(values):
    mixture = vad.fit_two_gaussians(np.array(values), narrowest=1.0)
    assert (np.diff(mixture.log_likelihoods) >= -1e-6).all()
    assert mixture.means[0] <= mixture.means[1]
    assert mixture.weights.sum() == pytest.approx(1)
    probability = mixture.speech_probability(np.linspace(*mixture.means, 50))
    assert ((probability >= 0) & (probability <= 1)).all()


def test_a_wide_speech_component_does_not_claim_the_quietest_frames():
    mixture = vad.TwoGaussians(np.array([0.5, 0.5]), np.array([-60.0, -40.0]), np.array([2.0, 12.0]), np.empty(0))
    assert mixture.speech_probability(np.array([-90.0]))[0] < 0.5
    assert mixture.speech_probability(np.array([-90.0]), monotonic=False)[0] > 0.5


# ---------------------------------------------------------------- Silero


@pytest.mark.parametrize("name", ["sample", "trn03"])
def test_silero_is_the_packages_own(name):
    import silero_vad
    import torch

    waveform = recording(name).waveform[: 12 * 16_000 + 100]
    model = silero_vad.load_silero_vad(onnx=True)
    theirs = model.audio_forward(torch.from_numpy(waveform), 16_000)[0].numpy()
    np.testing.assert_allclose(vad.silero_scores(waveform), theirs, atol=1e-5)
    spans = silero_vad.get_speech_timestamps(torch.from_numpy(waveform), model, return_seconds=True, time_resolution=4)
    expected = np.array([[span["start"], span["end"]] for span in spans])
    # The package pads last and lets pauses shrink below its minimum of 0.1 s: we fill those.
    kept = expected[1:, 0] - expected[:-1, 1] >= 0.1
    expected = np.column_stack([expected[np.append(True, kept), 0], expected[np.append(kept, True), 1]])
    np.testing.assert_allclose(vad.silero_vad(waveform), expected, atol=1e-3)


def test_silero_has_no_memory_between_recordings():
    waveform = recording("sample").waveform[:32_000]
    first = vad.silero_scores(waveform)
    vad.silero_scores(np.zeros(16_000))
    assert np.array_equal(first, vad.silero_scores(waveform))


# ---------------------------------------------------------------- segmentation-3.0


@pytest.fixture(scope="module")
def sample():
    return recording("sample")


def test_segmentation_finds_speech_and_overlap(sample):
    speech = detection_error(regions(sample.turns), vad.segmentation_vad(sample.waveform, step=5.0), sample.uem)
    assert speech.rate < 0.12
    _, scores, step = vad.segmentation_scores(sample.waveform, step=5.0)
    overlap = vad.Hysteresis().regions(scores, step, sample.duration)
    both = detection_error(regions(sample.turns, at_least=2), overlap, sample.uem)
    assert both.recall > 0.5
    # Two people at once are speech.
    inside = detection_error(overlap, vad.segmentation_vad(sample.waveform, step=5.0), sample.uem)
    assert inside.recall > 0.99
