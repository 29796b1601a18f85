import pytest

from diarbook.errors import OptionError
from diarbook.metrics.recordings import alike_names, matched_recordings


@pytest.mark.parametrize(
    ("first", "second"),
    [("a", "a.wav"), ("a.rttm", "a.wav"), ("A", "a"), ("audio/talk", "talk"), ("/x/talk.flac", "Talk"), ("a/1", "a"),
     ("a/1", "a/A"), ("a/1", "a.wav"), ("meeting.2024", "meeting.2024.wav")],
)  # fmt: skip
def test_names_that_differ_a_little(first, second):
    assert alike_names(first, second)
    assert alike_names(second, first)


@pytest.mark.parametrize(("first", "second"), [("a", "b"), ("a/1", "b/1"), ("a", "ab"), ("talk.1", "talk.2")])
def test_names_that_differ(first, second):
    assert not alike_names(first, second)


def test_who_is_scored():
    assert matched_recordings({"a": 1, "b": 2}, {"b": 1, "a": 2}, None, False, False) == ["a", "b"]
    assert matched_recordings({"a": 1}, {"a": 2}, {"a": 3, "c": 4}, False, False) == ["a", "c"]
    assert matched_recordings({"a": 1}, {"b": 2}, None, True, True) == ["a"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (({"a": 1}, {}, None), "the hypothesis lacks 'a'; add it, or allow missing recordings"),
        (({"a": 1}, {"a.wav": 1}, None), "the hypothesis lacks 'a'; it has 'a.wav': give both the same name"),
        (({}, {"a": 1}, None), "the reference lacks 'a'; add it, or allow extra recordings"),
        (({"a": 1}, {"a": 1}, {}), "the UEM lacks 'a'; add its regions, or take it out of the reference"),
        (({"a": 1}, {"a": 1}, {"x/A.wav": 1}), "the UEM lacks 'a'; it has 'x/A.wav': give both the same name"),
        ((dict.fromkeys("abcde"), {}, None), "the hypothesis lacks 'a', 'b', 'c' and 2 more recordings; add it"),
    ],
)
def test_what_one_side_lacks_is_named(arguments, message):
    with pytest.raises(OptionError) as caught:
        matched_recordings(*arguments, False, False)
    assert message in str(caught.value)
