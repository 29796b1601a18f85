"""``diarbook stream``: lines as turns end, and one line for every mistake."""

import io
import types
from datetime import UTC, datetime

import numpy as np
import pytest
import soundfile
from tests.streaming.tones import TWO_PEOPLE as SOUND
from tests.streaming.tones import Embedder, direction, ears

from diarbook.cli import main
from diarbook.embeddings.embedder import model_identity
from diarbook.rttm import read_rttm
from diarbook.streaming import StreamSettings, stream
from diarbook.voiceprints.store import VoiceprintStore
from diarbook.voiceprints.voiceprint import Consent, Voiceprint

pytestmark = pytest.mark.usefixtures("tones")

GIVEN = datetime(2026, 1, 1, tzinfo=UTC)


def run(capsys, monkeypatch, *arguments, data=None):
    if data is not None:
        monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=data))
    with pytest.raises(SystemExit) as stop:
        main(["stream", *map(str, arguments)])
    output = capsys.readouterr()
    return stop.value.code, output.out, output.err


def lines(turns, name):
    return "".join(
        f"SPEAKER {name} 1 {round(t.start, 3):.3f} {round(t.end, 3) - round(t.start, 3):.3f}"
        f" <NA> <NA> {t.name or t.speaker} <NA> <NA>\n"
        for t in turns
    )


def test_a_file(capsys, monkeypatch, wav):
    status, out, err = run(capsys, monkeypatch, wav)
    assert (status, err) == (0, "")
    turns = stream(SOUND, segmentation=ears(), embedder=Embedder())
    assert out == lines(turns, "two_people")
    assert len(turns) == 4
    assert run(capsys, monkeypatch, wav, "--block", 0.01)[1] == out
    other = stream(SOUND, StreamSettings(latency=1.0), segmentation=ears(), embedder=Embedder())
    assert run(capsys, monkeypatch, wav, "--latency", 1)[1] == lines(other, "two_people")


def test_raw_samples_of_another_rate(capsys, monkeypatch):
    raw = (SOUND[::2] * 32_767).astype("<i2").tobytes()  # 8 kHz
    status, out, err = run(capsys, monkeypatch, "-", "--rate", 8000, data=io.BytesIO(raw + b"\x00"))
    assert status == 0
    assert out.count("SPEAKER stdin 1 ") == 4
    assert err == "diarbook: note: standard input: ended in the middle of a sample; the last byte is left out\n"


class Leaving(io.BytesIO):
    """A pipe during which somebody presses Ctrl-C."""

    def read(self, size=-1):
        if self.tell() > 300_000:
            raise KeyboardInterrupt
        return super().read(size)


def test_an_interrupt_writes_the_turns_so_far(capsys, monkeypatch):
    raw = (SOUND * 32_767).astype("<i2").tobytes()
    status, out, err = run(capsys, monkeypatch, "-", data=Leaving(raw))
    assert status == 130
    assert out.count("\n") == 3
    assert err == "diarbook: interrupted after 9.5 s; the turns so far are written\n"


def test_ctrl_c_is_how_a_microphone_ends(capsys, monkeypatch):
    def microphone(_seconds):
        yield SOUND[: 6 * 16_000]
        raise KeyboardInterrupt

    monkeypatch.setattr("diarbook.streaming.sources.microphone_blocks", microphone)
    status, out, err = run(capsys, monkeypatch, "--microphone")
    assert (status, out.count("SPEAKER microphone 1 ")) == (0, 2)
    assert err == "interrupted after 6.0 s; the turns so far are written\n"
    assert run(capsys, monkeypatch, "--microphone", "--quiet")[2] == ""


def test_a_reader_that_leaves(capsys, monkeypatch, wav):
    class Left(io.TextIOBase):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Left())
    assert run(capsys, monkeypatch, wav)[::2] == (0, "")


def test_a_file_that_breaks_off_is_written_so_far(capsys, monkeypatch, tmp_path):
    bad = SOUND.copy()
    bad[10 * 16_000] = np.nan
    soundfile.write(tmp_path / "a.wav", bad, 16_000, subtype="FLOAT")
    status, out, err = run(capsys, monkeypatch, tmp_path / "a.wav")
    assert (status, err.count("\n")) == (1, 1)
    assert "not a finite number" in err
    assert [line.split()[7] for line in out.splitlines()] == ["SPEAKER_00", "SPEAKER_01", "SPEAKER_00"]
    status, out, err = run(capsys, monkeypatch, tmp_path / "a.wav", "--revise", "-o", tmp_path / "o.rttm")
    assert (status, err.count("\n")) == (1, 1)
    assert "; final\n" in (tmp_path / "o.rttm").read_text()
    assert len(read_rttm(tmp_path / "o.rttm")["a"]) == 3


def test_no_speech_is_said(capsys, monkeypatch, tmp_path):
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / "hiss.wav", 0.01 * rng.normal(size=32_000), 16_000)
    assert run(capsys, monkeypatch, tmp_path / "hiss.wav") == (0, "", "diarbook: note: hiss: no speech was detected\n")
    assert run(capsys, monkeypatch, tmp_path / "hiss.wav", "--quiet") == (0, "", "")


def test_a_missing_model_is_found_first(capsys, monkeypatch, wav, tmp_path, deaf):
    monkeypatch.setenv("DIARBOOK_CACHE", str(tmp_path / "empty"))
    status, out, err = run(capsys, monkeypatch, wav)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "diarbook fetch" in err


def test_nothing_is_overwritten_without_force(capsys, monkeypatch, wav, tmp_path):
    (tmp_path / "o.rttm").write_text("by hand")
    arguments = (wav, "--revise", "-o", tmp_path / "o.rttm")
    status, _, err = run(capsys, monkeypatch, *arguments)
    assert (status, err.count("\n")) == (1, 1)
    assert "there already; add --force" in err
    assert (tmp_path / "o.rttm").read_text() == "by hand"
    assert run(capsys, monkeypatch, *arguments, "--force")[0] == 0
    assert len(read_rttm(tmp_path / "o.rttm")["two_people"]) == 4


def test_names(capsys, monkeypatch, wav, tmp_path):
    model, version = model_identity()
    with VoiceprintStore(tmp_path / "v.db") as store:
        store.add(Voiceprint("Ann Lee", direction(1), model, version, 9.0, 3, 0.9, GIVEN, Consent("agreed", GIVEN)))
    status, out, err = run(capsys, monkeypatch, wav, "--store", tmp_path / "v.db", "--threshold", 0.5)
    assert status == 0
    assert " Ann_Lee " in out.splitlines()[-1]
    assert err.startswith("SPEAKER_01: Ann Lee (cosine ")
    for part in ("threshold 0.500", f"model {model} {version}", "calibration: none"):
        assert part in err


def test_corrections_are_written_anew(capsys, monkeypatch, wav, tmp_path):
    status, out, _ = run(capsys, monkeypatch, wav, "--revise", "-o", tmp_path / "o.rttm")
    assert (status, out) == (0, "")
    assert (tmp_path / "o.rttm").read_text().startswith(";; 17.0 s heard; revision 0; final\n")
    assert len(read_rttm(tmp_path / "o.rttm")["two_people"]) == 4


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ((), 2, "give a file, or - for standard input, or --microphone"),
        (("x.wav", "--microphone"), 2, "give a file"),
        (("x.wav", "--revise"), 2, "--revise and --output go together"),
        (("x.wav", "-o", "y"), 2, "--revise and --output go together"),
        (("x.wav", "--latency", "0.1"), 2, "latency"),
        (("x.wav", "--rate", "8000"), 2, "--rate is of raw samples on standard input"),
        (("--microphone", "--rate", "8000"), 2, "--rate is of raw samples on standard input"),
        (("-", "--realtime"), 2, "--realtime slows a file down"),
        (("x.wav", "--threshold", "0.5"), 2, "--threshold decides about names; give --store"),
        (("x.wav", "--consent", "yes"), 2, "for those whom --introduce enrolls"),
        (("x.wav", "--force"), 2, "--force replaces files"),
        (("x.wav", "--revise", "-o", "no/such/folder.rttm"), 1, "no such folder"),
        (("bad\udcff.wav",), 1, "not UTF-8"),
        (("nowhere.wav",), 1, "nowhere.wav: no such file"),
        (("x.wav", "--store", "nowhere.db"), 1, "no such store"),
    ],
)
def test_mistakes_are_one_line(capsys, monkeypatch, deaf, arguments, status, message):
    found, out, err = run(capsys, monkeypatch, *arguments)
    assert (found, out, err.count("\n")) == (status, "", 1)
    assert message in err


def test_too_short(capsys, monkeypatch, tmp_path):
    soundfile.write(tmp_path / "a.wav", SOUND[:800], 16_000)
    status, out, err = run(capsys, monkeypatch, tmp_path / "a.wav")
    assert (status, out) == (1, "")
    assert "0.050 s of audio, at least 0.1 s" in err


def test_nan_in_a_file(capsys, monkeypatch, tmp_path):
    bad = SOUND.copy()
    bad[-1] = np.nan
    soundfile.write(tmp_path / "a.wav", bad, 16_000, subtype="FLOAT")
    status, _, err = run(capsys, monkeypatch, tmp_path / "a.wav")
    assert (status, err.count("\n")) == (1, 1)
    assert "not a finite number" in err
