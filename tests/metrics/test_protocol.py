import pytest

from diarbook.errors import KnowledgeError, OptionError
from diarbook.metrics import PRESETS, Protocol, ProtocolCard, preset
from diarbook.metrics.protocol import describe
from diarbook.reader.tables import protocol_rows, recordings_rows


def test_a_preset_by_name():
    assert preset("forgiving") == Protocol(collar=0.25, skip_overlap=True)
    with pytest.raises(OptionError, match="no preset 'strict'"):
        preset("strict")


@pytest.mark.parametrize("options", [{"collar": -1}, {"collar": float("nan")}, {"mapping": "x"}, {"region": "x"}])
def test_a_protocol_has_limits(options):
    with pytest.raises(OptionError, match=next(iter(options))):
        Protocol(**options)


def test_a_card_names_each_model_with_its_training_data():
    card = ProtocolCard(
        "3 clips", "training clips", ("segmentation-3.0", "silero"), preset("fair"), "2 units", {"Speech": "given"}
    )
    rows = {row["Protocol"]: row["of this page"] for row in protocol_rows(card)}
    assert list(rows) == [
        "Data", "Tuned on", "Scoring", "Units", "Speech", "Model: segmentation-3.0", "Model: Silero VAD"
    ]  # fmt: skip
    assert rows["Scoring"] == describe(PRESETS["fair"])
    assert "AMI" in rows["Model: segmentation-3.0"]
    assert rows["Model: segmentation-3.0"].endswith("it has heard 12 of this book's clips")
    assert rows["Model: Silero VAD"].endswith("the data are not published")


def test_a_card_without_models_or_with_words_for_scoring():
    rows = protocol_rows(ProtocolCard("3 clips", "nothing", (), "F-score within 0.25 s"))
    assert [row["Protocol"] for row in rows] == ["Data", "Tuned on", "Scoring"]


def test_an_incomplete_card_is_told():
    with pytest.raises(OptionError, match="must say 'tuned_on'"):
        ProtocolCard("3 clips", " ", ())
    with pytest.raises(OptionError, match="tuple of names"):
        ProtocolCard("3 clips", "nothing", "silero")
    with pytest.raises(KnowledgeError, match="no training data are known of 'x'"):
        protocol_rows(ProtocolCard("3 clips", "nothing", ("x",)))


def test_the_table_of_recordings():
    rows = {row["recording"]: list(row.values()) for row in recordings_rows()}
    assert len(rows) == 15
    assert rows["trn07"] == ["trn07", "training and choosing", "EN2006a", "AMI train", "yes"]
    assert rows["tst00"] == ["tst00", "test", "EN2002a", "AMI test", "not that anybody says"]
    assert rows["sample"][2:] == ["not stated", "–", "not that anybody says"]
    assert [row["recording"] for row in recordings_rows("dev01")] == ["dev01"]
    with pytest.raises(OptionError, match="no recording is called 'x'"):
        recordings_rows("x")
