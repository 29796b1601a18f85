"""Decoders: no memory that was not written, no seeking, and PyAV where it is installed."""

import io
import os
import sys

import numpy as np
import pytest
from tests.soundfiles import RATE, cut, encoded, put, sound

from diarbook.audio import load_audio, read_audio
from diarbook.audio.decoders import DecodingError, MediaDecoder, SoundDecoder, open_decoder, quiet_decoder
from diarbook.errors import AudioError, AudioWarning

SOUND = sound(2.0)


def read(data):
    return read_audio(io.BytesIO(data), "x", quiet=True)


@pytest.mark.parametrize(
    ("suffix", "subtype", "rate"),
    [
        ("wav", "GSM610", 8_000),
        ("aiff", "GSM610", 8_000),
        ("w64", "GSM610", 8_000),
        ("wav", "G721_32", 8_000),
        ("au", "G723_24", 8_000),
        ("au", "G723_40", 8_000),
        ("wav", "NMS_ADPCM_16", 8_000),
        ("aiff", "DWVW_16", 16_000),
        ("wav", "IMA_ADPCM", 16_000),
        ("wav", "MS_ADPCM", 16_000),
        ("wav", "ULAW", 8_000),
        ("wav", "ALAW", 8_000),
        ("wav", "DOUBLE", 16_000),
        ("caf", "ALAC_16", 16_000),
    ],
)
def test_what_libsndfile_decodes_without_seeking_is_read(suffix, subtype, rate, recwarn):
    heard = read(encoded(sound(2.0, rate), suffix, rate, subtype=subtype))
    assert abs(len(heard) - 2 * RATE) <= 600  # codes of blocks fill the last one
    assert (
        np.corrcoef(heard[: 2 * RATE - 600], read(encoded(sound(2.0, rate), rate=rate))[: 2 * RATE - 600])[0, 1] > 0.95
    )
    assert not recwarn.list


def test_gsm_without_a_header_is_known_by_its_frames():
    heard = read(encoded(sound(2.0, 8_000), "wav", 8_000, format="RAW", subtype="GSM610"))
    assert len(heard) == 2 * RATE
    np.testing.assert_array_equal(
        heard, read(encoded(sound(2.0, 8_000), "aiff", 8_000, subtype="GSM610"))[: len(heard)]
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_mp3_never_holds_what_was_read_before(tmp_path, seed):
    """A hundred times in one process: the samples are those of a process that read nothing else."""
    (tmp_path / "other.wav").write_bytes(encoded(sound(9.0, seed=seed + 10, frequency=200.0)))
    (tmp_path / "cut.mp3").write_bytes(cut(encoded(sound(12.0, seed=seed), "mp3"), 0.28))
    alone = load_alone(tmp_path / "cut.mp3")
    other = load_audio(tmp_path / "other.wav")
    for _ in range(34):
        np.testing.assert_array_equal(load_audio(tmp_path / "other.wav"), other)
        with pytest.warns(AudioWarning, match=r"ends early: 12\.0 s"):
            heard = load_audio(tmp_path / "cut.mp3", quiet=True)
        np.testing.assert_array_equal(heard, alone)


def load_alone(path):
    import subprocess

    code = (
        "import sys, warnings, numpy; warnings.simplefilter('ignore')\n"
        "from diarbook.audio import load_audio\n"
        "sys.stdout.buffer.write(load_audio(sys.argv[1], quiet=True).tobytes())"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, check=True, timeout=600)
    return np.frombuffer(done.stdout, np.float32)


def test_after_an_error_only_what_was_written_is_given():
    decoder = SoundDecoder(io.BytesIO(cut(encoded(SOUND, "flac"), 0.5)), "FLAC")
    np.full(200_000, 777.0, np.float32)
    block, complaint = decoder.read(100_000)
    assert "lost sync" in complaint
    assert 0 < len(block) < len(SOUND)
    np.testing.assert_allclose(block[:, 0], SOUND[: len(block)], atol=1e-4)
    decoder.close()


def test_what_no_decoder_knows():
    with pytest.raises(DecodingError, match="not recognised"):
        open_decoder(io.BytesIO(b"these are words" * 100), None)


def test_a_quiet_decoder_keeps_the_channel_for_others(capfd):
    with quiet_decoder():
        os.write(2, b"nobody reads this")
    os.write(2, b"this is read")
    assert capfd.readouterr().err == "this is read"


def test_quiet_without_standard_error(monkeypatch):
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(os, "dup", lambda _: (_ for _ in ()).throw(OSError()))
    with quiet_decoder():
        pass


def test_an_mp3_is_silenced_when_asked(capfd):
    data = cut(encoded(sound(12.0), "mp3"), 0.3)
    for quiet in (False, True):
        with pytest.warns(AudioWarning):
            read_audio(io.BytesIO(data), "x", quiet=quiet)
        assert bool(capfd.readouterr().err) is not quiet


# ---------------------------------------------------------------- what phones and meetings write


def media(samples, codec, form, rate=RATE, layout="mono"):
    """A file that PyAV writes."""
    av = pytest.importorskip("av")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as file:
        track = file.add_stream(codec, rate=rate)
        track.layout = layout
        track.bit_rate = 12_200 if codec.startswith("libopencore") else 64_000
        pcm = (np.atleast_2d(samples) * 32_767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pcm.T.reshape(1, -1).copy(), format="s16", layout=layout)
        frame.sample_rate, frame.pts = rate, 0
        resampler = av.AudioResampler(format=track.codec_context.format or "fltp", layout=layout, rate=rate)
        for part in resampler.resample(frame):
            file.mux(track.encode(part))
        file.mux(track.encode(None))
    return buffer.getvalue()


KINDS = {
    "m4a": ("aac", "mp4", 44_100),
    "alac": ("alac", "mp4", 16_000),
    "webm": ("libopus", "webm", 48_000),
    "wma": ("wmav2", "asf", 44_100),
    "aac": ("aac", "adts", 16_000),
    "g722": ("g722", "wav", 16_000),
    "mp3 in wav": ("libmp3lame", "wav", 16_000),
}


@pytest.mark.parametrize("kind", KINDS)
def test_media_are_read_whole(kind, recwarn):
    codec, form, rate = KINDS[kind]
    heard = read(media(sound(3.0, rate), codec, form, rate))
    assert abs(len(heard) - 3 * RATE) < 2_500  # encoders fill the last frame
    expected = read(encoded(sound(3.0, rate), rate=rate))
    lag = max(range(-1500, 2500), key=lambda d: np.dot(heard[4_000 + d : 20_000 + d], expected[4_000:20_000]))
    assert np.corrcoef(heard[4_000 + lag : 20_000 + lag], expected[4_000:20_000])[0, 1] > 0.9
    assert not recwarn.list


def test_media_with_an_id3_tag():
    data = b"ID3\x04\0\0\0\0\0\x0a" + bytes(10) + media(SOUND, "aac", "adts")
    assert abs(len(read(data)) - len(SOUND)) < 2_500


def test_media_in_opposite_phase():
    stereo = np.stack([sound(2.0, 44_100), -sound(2.0, 44_100)])
    with pytest.warns(AudioWarning, match="opposite phase"):
        heard = read(media(stereo, "aac", "mp4", 44_100, "stereo"))
    assert np.abs(heard).max() > 0.1


def test_media_that_broke_off():
    with pytest.warns(AudioWarning, match="x: ends early: 4.0 s by its header, [12].. s decoded"):
        heard = read(cut(media(sound(4.0, 48_000), "libopus", "webm", 48_000), 0.5))
    assert 1.0 < len(heard) / RATE < 3.0


def test_damaged_packets_are_passed_over():
    data = media(sound(4.0), "aac", "mp4")
    with pytest.warns(AudioWarning, match="x: is damaged"):
        heard = read(put(data, len(data) // 2, bytes(300)))
    assert 3.0 < len(heard) / RATE < 4.1


def test_media_without_their_index_are_an_error():
    with pytest.raises(AudioError, match=r"x: cannot be read as audio .*convert it to WAV or FLAC: ffmpeg -i x x\.wav"):
        read(cut(media(SOUND, "aac", "mp4"), 0.5))


def test_a_film_without_sound():
    av = pytest.importorskip("av")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as file:
        track = file.add_stream("mpeg4", rate=5)
        track.width = track.height = 64
        track.pix_fmt = "yuv420p"
        for number in range(3):
            frame = av.VideoFrame(64, 64, "yuv420p")
            frame.pts = number
            file.mux(track.encode(frame))
        file.mux(track.encode(None))
    with pytest.raises(AudioError, match="holds no audio track"):
        read(buffer.getvalue())


def test_the_decoder_for_media_gives_blocks():
    decoder = MediaDecoder(io.BytesIO(media(np.stack([SOUND, SOUND]), "alac", "mp4", layout="stereo")), "M4A")
    assert (decoder.samplerate, decoder.channels, decoder.seconds) == (RATE, 2, pytest.approx(2.0))
    sizes = []
    while len(block := decoder.read(5_000)[0]):
        assert block.shape[1] == 2
        sizes.append(len(block))
    assert (set(sizes[:-1]), sum(sizes)) == ({5_000}, len(SOUND))
    decoder.close()


def test_without_pyav_the_message_names_the_way_out(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    path = tmp_path / "my talk.m4a"
    path.write_bytes(b"\0\0\0\x20ftypM4A " + bytes(100))
    with pytest.raises(AudioError) as caught:
        load_audio(path)
    assert str(caught.value) == (
        f"{path}: is M4A, which needs the package av (pip install av); or convert it: ffmpeg -i '{path}' 'my talk.wav'"
    )


@pytest.mark.parametrize("channels", [2, 8, 16, 64])
def test_media_of_many_channels(channels):
    """PyAV's own way to hand out channels ends the process from eight on."""
    pytest.importorskip("av")
    data = encoded(SOUND)
    for at, number in ((22, channels), (32, 2 * channels)):
        data = put(data, at, number.to_bytes(2, "little"))
    block, _ = MediaDecoder(io.BytesIO(data), "WAV").read(len(SOUND))
    np.testing.assert_allclose(block, SOUND[: block.size].reshape(-1, channels), atol=1e-4)
