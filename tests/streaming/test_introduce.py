"""``diarbook stream --introduce``: a newcomer is enrolled while the stream runs."""

import numpy as np
import pytest
from tests.streaming.test_stream_command import run, tones, wav  # noqa: F401
from tests.streaming.tones import direction

from diarbook.voiceprints.store import VoiceprintStore


def test_a_newcomer_is_enrolled_and_named_from_then_on(capsys, monkeypatch, wav, tmp_path):  # noqa: F811
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


def test_who_says_too_little_is_told(capsys, monkeypatch, wav, tmp_path):  # noqa: F811
    kept = ("--store", tmp_path / "v.db", "--consent", "yes")
    status, _, err = run(capsys, monkeypatch, wav, *kept, "--introduce", "SPEAKER_07=Dan")
    assert status == 0
    assert "SPEAKER_07 said too little alone; Dan was not enrolled" in err
    with VoiceprintStore(tmp_path / "v.db") as store:
        assert store.names() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--introduce", "SPEAKER_01=Cleo"), "--introduce needs --store and --consent"),
        (("--introduce", "Cleo", "--store", "v.db", "--consent", "x"), "expected LABEL=NAME"),
    ],
)
def test_nobody_is_kept_without_consent_and_store(capsys, monkeypatch, wav, arguments, message):  # noqa: F811
    status, out, err = run(capsys, monkeypatch, wav, *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert message in err
