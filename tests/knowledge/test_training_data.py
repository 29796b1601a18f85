import pytest

from diarbook.assets import recording, recordings_registry
from diarbook.errors import KnowledgeError
from diarbook.knowledge.training_data import box_text, heard_recordings, name_ranges, training

HEARD = [f"trn{i:02}" for i in range(10)] + ["dev00", "dev01"]


def test_the_training_clips_of_the_segmentation_network():
    assert heard_recordings("segmentation-3.0") == HEARD
    assert heard_recordings("campplus") == []
    assert training("silero").heard is None


def test_every_meeting_clip_names_its_meeting_and_partition():
    for name, entry in recordings_registry().items():
        if name == "sample":
            assert "meeting" not in entry
            continue
        series = entry["meeting"][:6]
        assert entry["partition"] == ("AMI test" if series == "EN2002" else "AMI train"), name
        assert entry["meeting"] in entry["origin"]
        assert 0.7 <= entry["overlap"] <= 1


def test_the_two_clean_clips_hold_the_same_four_people_and_nobody_else_s():
    people = {name: {turn.speaker for turn in recording(name).turns} for name in recordings_registry()}
    assert people["tst00"] | people["tst01"] == {"FEO070", "FEO072", "MEE071", "MEE073"}
    assert not (people["tst00"] | people["tst01"]) & set().union(*(people[name] for name in HEARD))


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["sample"], "sample"),
        (["trn00", "trn01"], "trn00 and trn01"),
        (["trn00", "trn02"], "trn00 and trn02"),
        (HEARD, "trn00 to trn09, dev00 and dev01"),
    ],
)
def test_ranges(names, text):
    assert name_ranges(names) == text


def test_the_box_says_what_is_training_data_and_what_is_clean():
    network, clean, how = box_text()
    assert "trn00 to trn09, dev00 and dev01 are the first 30 s of meetings in the AMI train partition" in network
    assert clean.startswith("Clean are tst00 and tst01 (AMI's test partition, meetings EN2002a and EN2002b")
    assert "compared their reference turns" in how
    assert box_text("silero") == [
        "Silero VAD: speech of over 6000 languages, by its publisher; the data are not published."
        " Whether it has heard these recordings is unknown."
    ]
    assert [text.split()[0] for text in box_text("segmentation-3.0", "campplus")] == [
        "segmentation-3.0",
        "CAM++:",
        "Clean",
        "The",
    ]


def test_an_unknown_network_is_told():
    with pytest.raises(KnowledgeError, match=r"no training data are known of 'x'; known: segmentation-3\.0"):
        box_text("x")
