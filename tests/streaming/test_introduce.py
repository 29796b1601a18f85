"""``diarbook stream --introduce``: a newcomer is enrolled while the stream runs."""

import re

import numpy as np
import pytest
import soundfile
from tests.streaming.test_stream_command import GIVEN, run
from tests.streaming.tones import TWO_PEOPLE as SOUND
from tests.streaming.tones import direction

from diarbook.embeddings.embedder import model_identity
from diarbook.voiceprints.store import VoiceprintStore
from diarbook.voiceprints.voiceprint import Consent, Voiceprint

pytestmark = pytest.mark.usefixtures("tones")

KEPT = ("--store", "v.db", "--consent", "agreed")


def somebody(name):
    return Voiceprint(name, direction(2), *model_identity(), 9.0, 3, 0.9, GIVEN, Consent("agreed", GIVEN))


def keep(path, name):
    with VoiceprintStore(path) as store:
        store.add(somebody(name))


def test_a_newcomer_is_enrolled_and_named_from_then_on(capsys, monkeypatch, wav, tmp_path):
    kept = ("--store", tmp_path / "v.db", "--consent", "yes, for this meeting")
    status, out, err = run(capsys, monkeypatch, wav, *kept, "--introduce", "SPEAKER_01=Cleo Ray")
    assert status == 0
    assert "SPEAKER_01: enrolled as Cleo Ray from" in err
    assert "SPEAKER_01: Cleo Ray (cosine 1.000" in err
    labels = [line.split()[7] for line in out.splitlines()]
    assert labels[0] == "SPEAKER_00"
    assert labels[-1] == "Cleo_Ray"
    with VoiceprintStore(tmp_path / "v.db") as store:
        assert store.names() == ["Cleo Ray"]
        assert store.get("Cleo Ray").consent.statement == "yes, for this meeting"
        np.testing.assert_allclose(store.get("Cleo Ray").vector @ direction(1), 1, atol=0.01)


def test_who_was_not_heard_or_says_too_little_is_reported(capsys, monkeypatch, wav, tmp_path):
    kept = ("--store", tmp_path / "v.db", "--consent", "yes")
    status, out, err = run(capsys, monkeypatch, wav, *kept, "--introduce", "SPEAKER_07=Dan", "--quiet")
    assert (status, out.count("\n")) == (1, 4)
    assert err == "diarbook: Dan was not enrolled: SPEAKER_07 was not heard\n"
    soundfile.write(tmp_path / "brief.wav", SOUND[: 6 * 16_000], 16_000, subtype="FLOAT")
    status, out, err = run(capsys, monkeypatch, tmp_path / "brief.wav", *kept, "--introduce", "SPEAKER_01=Dan")
    assert (status, out.count("\n")) == (1, 2)
    assert re.fullmatch(r"diarbook: Dan was not enrolled: SPEAKER_01 said 1\.\d s alone, 3 s are needed\n", err)
    with VoiceprintStore(tmp_path / "v.db") as store:
        assert store.names() == []


def test_who_has_said_enough_at_the_end_is_enrolled(capsys, monkeypatch, wav, tmp_path):
    kept = ("--store", tmp_path / "v.db", "--consent", "yes", "--expires", "2099-12-31")
    status, _, err = run(capsys, monkeypatch, wav, *kept, "--introduce", "SPEAKER_01=Dan", "--block", 60)
    assert status == 0
    assert "SPEAKER_01: enrolled as Dan" in err
    with VoiceprintStore(tmp_path / "v.db") as store:
        assert store.get("Dan").consent.expires.year == 2099


@pytest.mark.parametrize("name", ["Ann Lee", "ann_lee"])
def test_a_name_that_is_taken_is_found_before_listening(capsys, monkeypatch, wav, tmp_path, name, deaf):
    keep(tmp_path / "v.db", "Ann Lee")
    kept = ("--store", tmp_path / "v.db", "--consent", "yes")
    status, out, err = run(capsys, monkeypatch, wav, *kept, "--introduce", f"SPEAKER_01={name}")
    assert (status, out, err.count("\n")) == (1, "", 1)
    assert "Ann Lee" in err


def test_a_name_that_is_taken_meanwhile_does_not_end_the_stream(capsys, monkeypatch, wav, tmp_path):
    add = VoiceprintStore.add

    def slower(self, voiceprint, **options):
        if voiceprint.name == "Cleo":
            add(self, somebody("Cleo"))  # as another process may have done
        return add(self, voiceprint, **options)

    monkeypatch.setattr(VoiceprintStore, "add", slower)
    kept = ("--store", tmp_path / "v.db", "--consent", "yes")
    both = ("--introduce", "SPEAKER_00=Cleo", "--introduce", "SPEAKER_01=Dan")
    status, out, err = run(capsys, monkeypatch, wav, *kept, *both)
    assert (status, out.count("\n")) == (1, 4)
    assert err.startswith("diarbook: Cleo was not enrolled: ")
    assert "SPEAKER_01: enrolled as Dan" in err
    assert out.splitlines()[-1].split()[7] == "Dan"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--introduce", "SPEAKER_01=Cleo"), "--introduce needs --store and --consent"),
        ((*KEPT, "--introduce", "Cleo"), "expected LABEL=NAME"),
        ((*KEPT, "--introduce", "Cleo=SPEAKER_01"), "expected LABEL=NAME"),
        ((*KEPT, "--introduce", "SPEAKER_1=Cleo"), "expected LABEL=NAME"),
        ((*KEPT, "--introduce", "SPEAKER_01="), "expected LABEL=NAME"),
        ((*KEPT, "--introduce", "SPEAKER_01=SPEAKER_02"), "is the label of an unknown speaker"),
        ((*KEPT, "--introduce", "SPEAKER_01=C\x1bleo"), "control character"),
        ((*KEPT, "--introduce", "SPEAKER_01=A", "--introduce", "SPEAKER_01=B"), "each label and each name once"),
        ((*KEPT, "--introduce", "SPEAKER_01=A", "--introduce", "SPEAKER_02=A"), "each label and each name once"),
        (("--store", "v.db", "--consent", " ", "--introduce", "SPEAKER_01=A"), "the statement is empty"),
        ((*KEPT, "--expires", "2001-01-01", "--introduce", "SPEAKER_01=A"), "expires before it is given"),
    ],
)
def test_nobody_is_kept_without_consent_store_and_a_name(
    capsys,
    monkeypatch,
    wav,
    tmp_path,
    deaf,
    arguments,
    message,
):
    monkeypatch.chdir(tmp_path)
    status, out, err = run(capsys, monkeypatch, wav, *arguments)
    assert (out, err.count("\n")) == ("", 1)
    assert status in (1, 2)
    assert message in err
    assert not (tmp_path / "v.db").exists()
