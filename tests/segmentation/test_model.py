"""The segmentation network against pyannote.audio's, and what is made of its output."""

import numpy as np
import pytest
import torch

from diarbook.assets import recording, weights_path
from diarbook.audio import SAMPLE_RATE
from diarbook.errors import AssetError, AudioError, OptionError
from diarbook.networks.powerset import FRAME_SAMPLES, POWERSET, frame_count
from diarbook.networks.pyannet import SincFilters, build_network, read_checkpoint
from diarbook.segmentation.model import frame_probabilities, load_segmentation
from diarbook.segmentation.scores import ChunkScores, chunk_grid, powerset_to_multilabel, speech_and_overlap


@pytest.fixture(scope="module")
def sample():
    return recording("sample").waveform


@pytest.fixture(scope="module")
def batch(sample):
    size = 10 * SAMPLE_RATE
    return np.stack([sample[:size], sample[7 * SAMPLE_RATE :][:size], 0.1 * sample[-size:]])[:, None]


@pytest.fixture(scope="module")
def peer():
    from pyannote.audio import Model

    return Model.from_pretrained(str(weights_path("segmentation-3.0"))).eval()


def test_probabilities_equal_those_of_pyannote_audio(batch, peer):
    with torch.inference_mode():
        theirs = peer(torch.from_numpy(batch)).exp().numpy()
    ours = np.exp(load_segmentation("torch").run(batch))
    assert ours.shape == theirs.shape == (3, 589, 7)
    assert np.abs(ours - theirs).max() < 1e-5


def test_sinc_filters_equal_those_of_asteroid(peer):
    theirs = peer.sincnet.conv1d[0].filterbank.filters()
    ours = build_network().sincnet.conv1d[0].filterbank.taps()
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_a_sinc_filter_passes_its_band_and_stops_the_rest():
    filters = SincFilters(filters=2)
    with torch.no_grad():
        filters.low_hz_.fill_(950.0)  # 1000 Hz with the minimum of 50
        filters.band_hz_.fill_(450.0)  # 500 Hz wide
    response = np.abs(np.fft.rfft(filters.taps()[0, 0].detach().numpy(), 16000))
    assert response[1250] > 3 * response[800]
    assert response[1250] > 3 * response[1700]


def test_every_key_of_the_checkpoint_is_used():
    tensors = read_checkpoint(weights_path("segmentation-3.0"))
    assert set(build_network().state_dict()) == set(tensors)


def test_checkpoint_with_a_foreign_class_is_refused(tmp_path):
    path = tmp_path / "evil.bin"
    torch.save({"state_dict": {}, "payload": np.random.default_rng(0)}, path)
    with pytest.raises(AssetError, match="not a segmentation checkpoint"):
        read_checkpoint(path)


def test_reading_the_checkpoint_imports_no_pyannote_audio():
    import subprocess
    import sys

    code = (
        "import sys; from diarbook.networks.pyannet import build_network; build_network();"
        "assert 'pyannote.audio' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(("samples", "expected"), [(990, 0), (991, 1), (1260, 1), (1261, 2), (160_000, 589)])
def test_frame_count(samples, expected):
    assert frame_count(samples) == expected
    if expected > 1:  # one frame alone cannot be normalized
        with torch.inference_mode():
            assert build_network()(torch.zeros(1, 1, samples) + torch.randn(samples) * 0.01).shape[1] == expected


def test_powerset_by_hand():
    assert POWERSET == ((), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2))
    posteriors = np.array([[0.1, 0.2, 0.0, 0.0, 0.6, 0.1, 0.0]])
    assert np.allclose(powerset_to_multilabel(posteriors), [[0.9, 0.6, 0.1]])
    assert np.allclose(powerset_to_multilabel(posteriors, hard=True), [[1, 1, 0]])
    speech, overlap = speech_and_overlap(posteriors)
    assert np.allclose(speech, 0.9)
    assert np.allclose(overlap, 0.7)
    with pytest.raises(OptionError, match="7 classes"):
        powerset_to_multilabel(np.zeros((3, 4)))


def test_chunks_cover_the_recording_and_equal_the_network_on_each_chunk(sample):
    model = load_segmentation("torch")
    scores = model.chunks(sample[: 17 * SAMPLE_RATE], step=3.0)
    starts = np.round(scores.starts * SAMPLE_RATE).astype(int)
    assert (starts % FRAME_SAMPLES == 0).all()
    assert starts[0] == 0
    assert (np.diff(starts) <= 3 * SAMPLE_RATE + FRAME_SAMPLES).all()
    assert 0 <= starts[-1] + 10 * SAMPLE_RATE - 17 * SAMPLE_RATE < FRAME_SAMPLES
    alone = np.exp(model.run(sample[starts[1] : starts[1] + 160_000][None, None]))[0]
    assert np.abs(scores.posteriors[1] - alone).max() < 1e-4
    assert np.allclose(scores.posteriors.sum(axis=-1), 1, atol=1e-5)


def test_aggregate_averages_overlapping_chunks():
    scores = ChunkScores(np.zeros((2, 4, 7), np.float32), np.array([0.0, 2.0]), 1.0, 3.0)
    assert scores.frames == 6
    assert scores.offset == 1.0
    values = np.array([[1, 1, 1, 1], [3, 3, 3, 3]], np.float32)
    assert np.allclose(scores.aggregate(values), [1, 1, 2, 2, 3, 3])
    assert np.allclose(scores.aggregate(values[..., None])[:, 0], [1, 1, 2, 2, 3, 3])
    weighted = scores.aggregate(values, weights=np.array([1, 1, 3, 1]))
    assert np.allclose(weighted, [1, 1, (3 * 1 + 1 * 3) / 4, 2, 3, 3])


def test_onnx_equals_torch_at_any_batch_size_and_length(batch):
    onnx, torch_ = load_segmentation("onnx"), load_segmentation("torch")
    assert np.abs(np.exp(onnx.run(batch)) - np.exp(torch_.run(batch))).max() < 1e-4
    short = batch[:1, :, :40_000]
    assert np.abs(np.exp(onnx.run(short)) - np.exp(torch_.run(short))).max() < 1e-4


def test_loudness_does_not_matter(batch):
    # The network normalizes each chunk, so gain alone changes nothing.
    probabilities = np.exp(load_segmentation("torch").run(batch[:1]))
    louder = np.exp(load_segmentation("torch").run(batch[:1] * 5))
    assert np.abs(probabilities - louder).max() < 1e-2


@pytest.mark.parametrize("seconds", [0.1, 0.5, 3.0, 10.0, 10.01])
def test_short_recordings(sample, seconds):
    waveform = sample[7 * SAMPLE_RATE :][: round(seconds * SAMPLE_RATE)]
    speech, overlap, step = frame_probabilities(waveform)
    assert abs(len(speech) * step - seconds) <= step
    assert len(overlap) == len(speech)
    assert ((speech >= 0) & (speech <= 1 + 1e-5)).all()
    assert (overlap <= speech + 1e-5).all()


def test_speech_is_found_where_the_reference_has_it(sample):
    from diarbook.turns import to_activity

    speech, _, step = frame_probabilities(sample, step=2.0)
    reference = to_activity(recording("sample").turns, step, len(speech)).any(axis=1)
    assert np.mean((speech > 0.5) == reference) > 0.9


@pytest.mark.parametrize(
    ("options", "message"), [({"step": 0}, "step"), ({"step": 11}, "step"), ({"step": 0.01, "duration": 0.05}, "chunk")]
)
def test_options_out_of_range(sample, options, message):
    with pytest.raises(OptionError, match=message):
        load_segmentation().chunks(sample, **options)


def test_bad_waveforms_and_backend(sample):
    with pytest.raises(AudioError, match="finite"):
        load_segmentation().chunks(np.full(16000, np.nan, np.float32))
    with pytest.raises(OptionError, match="unknown backend"):
        load_segmentation("tpu")


def test_progress_reaches_one(sample):
    seen = []
    load_segmentation().chunks(sample, step=10.0, progress=seen.append)
    assert seen[-1] == 1.0
    assert seen == sorted(seen)


def test_chunk_grid_is_the_grid_of_chunks(sample):
    scores = load_segmentation().chunks(sample, step=5.0)
    grid = chunk_grid(len(sample), 5.0)
    assert grid.posteriors.shape == scores.posteriors.shape
    assert np.array_equal(grid.starts, scores.starts)
    assert not grid.posteriors.any()


@pytest.mark.parametrize("name", ["sample", "trn08"])
def test_a_quiet_recording_is_heard_like_a_loud_one(name):
    waveform = recording(name).waveform
    model = load_segmentation()
    loud = model.chunks(waveform, step=5.0).posteriors.argmax(axis=-1)
    quiet = model.chunks((waveform * 10 ** (-50 / 20)).astype(np.float32), step=5.0).posteriors.argmax(axis=-1)
    assert (loud != quiet).mean() < 0.08, "without a gain two thirds of trn08's frames changed"
