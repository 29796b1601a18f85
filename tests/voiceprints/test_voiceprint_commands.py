from pathlib import Path

import pytest
import soundfile as sf

from diarbook.assets import recordings
from diarbook.cli import main
from diarbook.rttm import read_rttm, write_rttm
from diarbook.turns import speakers
from diarbook.voiceprints.store import VoiceprintStore


@pytest.fixture
def talk(tmp_path, monkeypatch):
    [sample] = [one for one in recordings("test") if one.name == "sample"]
    sf.write(tmp_path / "talk.wav", sample.waveform, 16_000)
    write_rttm(tmp_path / "talk.rttm", {"talk": sample.turns})
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DIARBOOK_STORE", str(tmp_path / "v.db"))
    return speakers(sample.turns)


def run(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(list(map(str, arguments)))
    output = capsys.readouterr()
    return stop.value.code, output.out, output.err


def enroll(capsys, name, speaker, *options):
    return run(
        capsys, "enroll", name, "talk.wav", "--turns", "talk.rttm", "--speaker", speaker, "--consent", "yes", *options
    )


def test_enroll_identify_and_verify(talk, capsys):
    status, out, err = enroll(capsys, "Ann Lee", talk[0], "--expires", "2099-12-31")
    assert status == 0
    assert out.startswith("Ann Lee: ")
    assert "model campplus 92f29b94e694, kept in" in out
    assert "10 s or more make fewer errors" in err or err == ""
    with VoiceprintStore("v.db") as store:
        assert store.get("Ann Lee").consent.expires.year == 2099
    status, out, err = run(capsys, "identify", "talk.wav", "--turns", "talk.rttm")
    assert status == 0
    (turns,) = read_rttm_text(out).values()
    assert set(speakers(turns)) == {"Ann_Lee", talk[1]}
    assert f"{talk[0]}: Ann Lee (nearest Ann Lee at 1.000" in err
    assert f"{talk[1]}: unknown (nearest Ann Lee at" in err
    assert "model campplus 92f29b94e694; calibration: none" in err
    status, out, err = run(capsys, "verify", "talk.wav", "talk.wav")
    assert status == 0
    assert out.startswith("accepted\ttalk.wav\tscore 1.000\tthreshold 0.440")
    assert "model campplus 92f29b94e694; calibration: none" in err
    assert run(capsys, "verify", "talk.wav", "Ann Lee", "--threshold", "1")[1].startswith("rejected\tAnn Lee\t")


def read_rttm_text(text):
    Path("out.rttm").write_text(text, encoding="utf-8")
    return read_rttm("out.rttm")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["enroll", "A", "none.wav", "--consent", "x"], "none.wav: no such file"),
        (["enroll", "A", "talk.wav", "--consent", " "], "consent: the statement is empty"),
        (["enroll", "A", "talk.wav", "--consent", "x", "--expires", "2020-01-01"], "consent: it expires before"),
        (["enroll", "A", "talk.wav", "--consent", "x", "--turns", "talk.rttm"], "nobody is called 'A' in talk, only"),
        (["enroll", "", "talk.wav", "--consent", "x"], "the name is empty"),
        (["enroll", "A", "talk.wav", "--consent", "x", "--store", "no/v.db"], "its folder does not exist"),
        (["verify", "talk.wav", "talk.wav", "--threshold", "nan"], "threshold must be a cosine"),
        (["verify", "talk.wav", "Eve", "--store", "."], "is a folder; give the path of a file"),
        (["verify", "talk.wav", "Eve"], "no such store"),
        (["identify", "talk.wav"], "no such store"),
    ],
)
def test_errors_are_one_line_and_leave_nothing(talk, capsys, tmp_path, arguments, message):
    status, out, err = run(capsys, *arguments)
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert message in err
    assert not (tmp_path / "v.db").exists()


def test_a_name_is_not_taken_twice_by_accident(talk, capsys):
    assert enroll(capsys, "Ann", talk[0])[0] == 0
    status, _, err = enroll(capsys, "Ann", talk[1])
    assert status == 1
    assert "'Ann' is there already; use --replace or another name" in err
    assert enroll(capsys, "Ann", talk[1], "--replace")[0] == 0


def test_the_consent_is_asked_for(talk, capsys):
    status, _, err = run(capsys, "enroll", "Ann", "talk.wav")
    assert status == 2
    assert "--consent" in err


def test_silence_is_identified_as_nobody(talk, capsys):
    assert enroll(capsys, "Ann", talk[0])[0] == 0
    sf.write("silence.wav", [0.0] * 80_000, 16_000)
    status, out, err = run(capsys, "identify", "silence.wav")
    assert (status, out) == (0, "")
    assert "threshold 0.440" in err


@pytest.mark.parametrize("rate", [8_000, 16_000])
def test_stereo_of_any_rate_is_enrolled(talk, capsys, rate):
    samples, _ = sf.read("talk.wav")
    narrow = samples[:: 16_000 // rate]
    sf.write("stereo.wav", [[value, value] for value in narrow], rate)
    status, out, _ = run(capsys, "enroll", "Both", "stereo.wav", "--consent", "yes")
    assert (status, out.split(":")[0]) == (0, "Both")
