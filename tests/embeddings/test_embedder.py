import subprocess
import sys

import numpy as np
import pytest

from diarbook import assets
from diarbook.embeddings import Embedder, cosine_similarity, front_end, load_embedder, unit_length
from diarbook.embeddings import embedder as module
from diarbook.embeddings.embedder import export_onnx, exported_path
from diarbook.embeddings.front_end import campplus_features
from diarbook.errors import AudioError, DiarbookError, OptionError
from diarbook.features import kaldi_fbank
from diarbook.networks.ge2e import mel_energies

WAVEFORM = assets.recording("sample").waveform
# Made once outside this project: the definition in 3D-Speaker's repository (speakerlab/models/campplus/DTDNN.py with
# its FBank, commit 09e7806) ran the released weights on seconds 7 to 9 and 20 to 20.5 of the sample.
CAMPPLUS_7_9 = [-0.26677, -0.023049, -0.210796, -0.115616, -0.320474, 0.164761, -0.643666, 0.569713]
CAMPPLUS_20_20_5 = [0.661106, -1.035173, 0.31029, -0.917931, 0.120263, 0.01653, 0.021153, 0.468286]
# Made once outside this project: Resemblyzer 0.1.4's embed_utterance, after its normalize_volume and without its
# silence trimming, on seconds 7 to 12 of the sample; its first coordinates that are not 0, and where they are.
GE2E_7_12 = [0.0840271, 0.003053, 0.0087284, 0.0867156, 0.0875877, 0.0058727, 0.1626482, 0.1253988]
GE2E_PLACES = [0, 4, 5, 7, 8, 9, 10, 11]


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_campplus_reproduces_3d_speaker_on_its_features(backend):
    # 3D-Speaker's front end takes samples within -1 to 1; ours takes them as 16-bit integers, see the next test.
    embedder = load_embedder("campplus", backend)
    items = [
        kaldi_fbank(WAVEFORM[first:last], 80, scale=1.0) for first, last in ((112_000, 144_000), (320_000, 328_000))
    ]
    embeddings = embedder.embed_features(items)
    assert embeddings.shape == (2, embedder.dimension) == (2, 192)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(embeddings[:, :8], [CAMPPLUS_7_9, CAMPPLUS_20_20_5], atol=1e-4)
    ours = embedder.embed(WAVEFORM, [[7, 9], [20, 20.5]])
    assert (np.diag(cosine_similarity(embeddings, ours)) > 0.98).all(), "at full level the two scales hardly differ"


@pytest.mark.parametrize("name", ["sample", "trn04"])
def test_a_quiet_recording_gives_the_embedding_of_a_loud_one(name):
    waveform, windows = assets.recording(name).waveform, np.arange(5, 25, 2)[:, None] + [0.0, 2.0]
    loud = load_embedder().embed(waveform, windows)
    for decibels in (-20, -40, -60):
        quiet = load_embedder().embed((waveform * 10 ** (decibels / 20)).astype(np.float32), windows)
        assert np.diag(cosine_similarity(loud, quiet)).min() > 0.98, decibels


@pytest.mark.parametrize("name", ["campplus", "ge2e"])
def test_everybody_has_one_front_end(name):
    embedder = load_embedder(name)
    features = embedder.features(WAVEFORM)
    assert abs(len(features) - 30 * embedder.frame_rate) < 5
    spans = np.array([[700, 898], [2000, 2148], [2990, 2999], [4000, 4100]])
    result = embedder.embed_spans(features, spans)
    np.testing.assert_array_equal(result[:2], embedder.embed_features([features[700:898], features[2000:2148]]))
    assert np.isnan(result[2:]).all()
    assert embedder.features(np.zeros(399, np.float32)).shape == (0, features.shape[1])
    if name == "campplus":
        windows = embedder.embed(WAVEFORM, [[7, 9], [20, 21.5]])
        assert (np.diag(cosine_similarity(result[:2], windows)) > 0.9999).all()


@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_ge2e_reproduces_resemblyzer(backend):
    embedder = load_embedder("ge2e", backend)
    embedding = unit_length(embedder.embed(WAVEFORM, [[7, 12]]))[0]
    assert len(embedding) == embedder.dimension == 256
    np.testing.assert_allclose(embedding[GE2E_PLACES], GE2E_7_12, atol=1e-5)
    assert np.flatnonzero(embedding > 0)[:8].tolist() == GE2E_PLACES


@pytest.mark.parametrize("name", ["campplus", "ge2e"])
def test_backends_agree_for_any_batch_and_length(name):
    windows = np.array([[7, 8.5], [7.5, 9], [8, 9.5], [7, 7.3], [6.8, 13.0], [20, 22.2]])
    onnx, torch = (load_embedder(name, backend).embed(WAVEFORM, windows) for backend in ("onnx", "torch"))
    np.testing.assert_allclose(onnx, torch, atol=1e-4)


@pytest.mark.parametrize("name", ["campplus", "ge2e"])
def test_a_window_does_not_depend_on_its_company(name, monkeypatch):
    embedder = load_embedder(name)
    windows = np.array([[20.0, 21.5], [7.0, 8.5], [7.31, 10.0], [28.9, 40.0]])
    together = embedder.embed(WAVEFORM, windows)
    monkeypatch.setattr(front_end, "BLOCK_SECONDS", 1.0)
    monkeypatch.setattr(module, "BATCH_FRAMES", 1)
    alone = np.vstack([embedder.embed(WAVEFORM, [window]) for window in windows])
    np.testing.assert_allclose(together, alone, atol=2e-5)
    cut = WAVEFORM[int(7.31 * 16_000) : 160_000]
    np.testing.assert_allclose(embedder.embed(cut)[0], together[2], atol=2e-5)


def test_short_windows_are_nan_with_a_reason():
    embedder = load_embedder()
    windows = [[7.0, 7.1], [7.0, 8.0], [29.9, 31.0], [50.0, 51.0]]
    embeddings, reasons = embedder.embed(WAVEFORM, windows), embedder.reasons(WAVEFORM, windows)
    assert np.isnan(embeddings).all(axis=1).tolist() == [True, False, True, True]
    assert list(reasons) == [0, 2, 3]
    assert reasons[0] == "window 0 (7.00 to 7.10 s) holds 0.10 s of audio; campplus needs 0.25 s"


def test_no_windows_give_no_rows():
    assert load_embedder().embed(WAVEFORM, np.zeros((0, 2))).shape == (0, 192)
    assert load_embedder().embed_features([]).shape == (0, 192)


@pytest.mark.parametrize("name", ["campplus", "ge2e"])
def test_features_from_the_caller_give_the_same_embedding(name):
    embedder, part = load_embedder(name), WAVEFORM[112_000:152_000]
    features = campplus_features(part) if name == "campplus" else mel_energies(part)
    result = embedder.embed_features([features, features[:5]])
    np.testing.assert_allclose(result[0], embedder.embed(part)[0], atol=2e-5)
    assert np.isnan(result[1]).all()


@pytest.mark.parametrize(
    ("windows", "message"), [([[2, 1]], "start before end"), ([[0, np.nan]], "finite"), ([[0, np.inf]], "finite")]
)
def test_impossible_windows_are_refused(windows, message):
    with pytest.raises(OptionError, match=message):
        load_embedder().embed(WAVEFORM, windows)


def test_bad_input_is_refused():
    with pytest.raises(OptionError, match="known: campplus, ge2e"):
        load_embedder("ecapa")
    with pytest.raises(OptionError, match="known: onnx, torch"):
        load_embedder("campplus", "tflite")
    with pytest.raises(OptionError, match=r"\(frames, 80\)"):
        load_embedder().embed_features([np.zeros((100, 40), np.float32)])
    with pytest.raises(AudioError, match="one channel"):
        load_embedder().embed(np.zeros((2, 16_000), np.float32))


def test_models_are_loaded_once():
    assert isinstance(load_embedder(), Embedder)
    assert load_embedder("ge2e") is load_embedder("ge2e")
    assert load_embedder() is load_embedder("campplus") is load_embedder(backend="onnx", name="campplus")


def test_export_is_kept_under_a_name_that_changes_with_the_weights():
    path = exported_path("ge2e")
    assert export_onnx("ge2e") == path
    assert path.is_file()
    assert assets.sha256_of(assets.weights_path("ge2e"))[:16] in path.name


def test_export_that_disagrees_is_refused_and_leaves_nothing(tmp_path, monkeypatch):
    weights = assets.weights_path("ge2e")
    monkeypatch.setattr(assets, "weights_path", lambda name: weights)
    monkeypatch.setattr(assets, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(module, "TOLERANCE", -1.0)
    with pytest.raises(DiarbookError, match="backend='torch'"):
        export_onnx("ge2e")
    assert not list(tmp_path.iterdir())


def test_importing_the_package_imports_no_torch():
    code = "import sys, diarbook.embeddings; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
