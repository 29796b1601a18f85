"""What the commands share: checks of what goes in and out, and lines on standard error."""

import io
import os
import types

import click
import pytest

from diarbook.commands import common
from diarbook.errors import DiarbookError, OptionError


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (("a.wav", "b/c.flac"), ["a", "c"]),
        (("my talk (1).wav", "-"), ["my_talk_(1)", "stdin"]),
        (("e\u0301te.wav",), ["éte"]),
        (("tab\tand\nline.wav", "no\u00a0break.wav"), ["tab_and_line", "no_break"]),
        (("a.b.wav", ".hidden", " .wav"), ["a.b", ".hidden", "recording"]),
    ],
)
def test_recordings_are_named_for_their_files(files, names):
    assert common.recording_names(files) == names


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("a.wav", "b/a.flac"), "b/a.flac: would be named 'a' like a.wav; rename one"),
        (("été.wav", "e\u0301te\u0301.wav"), "would be named 'été'"),
        (("bad\udcff.wav",), "the file name is not UTF-8"),
        (("red\x1b[31m.wav",), "holds the control character U+001B"),
        (("a\u200bb.wav",), "U+200B"),
    ],
)
def test_names_that_no_recording_can_have(files, message):
    with pytest.raises(OptionError, match=message.replace("+", r"\+")):
        common.recording_names(files)


def test_a_folder_is_made_and_left_as_it_was(tmp_path):
    assert common.checked_folder(str(tmp_path / "a" / "b")) == tmp_path / "a" / "b"
    assert list((tmp_path / "a" / "b").iterdir()) == []
    (tmp_path / "file").write_text("")
    for wrong in (tmp_path / "file", tmp_path / "file" / "below", "nul\0", tmp_path / ("x" * 300)):
        with pytest.raises(DiarbookError, match="cannot be written to"):
            common.checked_folder(str(wrong))


def test_what_is_there_is_replaced_only_with_force(tmp_path):
    for name in ("a.rttm", "b.rttm"):
        (tmp_path / name).write_text("by hand")
    names = ["c.rttm", "a.rttm", "b.rttm"]
    with pytest.raises(DiarbookError, match=r"a\.rttm and 1 more: there already; add --force to replace"):
        common.checked_outputs(tmp_path, names)
    assert common.checked_outputs(tmp_path, names, force=True) == [tmp_path / name for name in names]


@pytest.mark.parametrize("force", [False, True])
def test_names_that_cannot_be_written_are_found_first(tmp_path, force):
    (tmp_path / "folder.rttm").mkdir()
    os.mkfifo(tmp_path / "pipe.rttm")
    for name, message in (
        ("folder.rttm", "not a regular file"),
        ("pipe.rttm", "not a regular file"),
        ("x" * 252 + ".rttm", "File name too long"),
    ):
        with pytest.raises(DiarbookError, match=message):
            common.checked_outputs(tmp_path, ["fine.rttm", name], force=force)


def test_one_output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert common.checked_output("new.rttm").name == "new.rttm"
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "old.rttm").write_text("")
    for wrong, message in (
        ("", "no such folder"),
        ("nowhere/a.rttm", "no such folder"),
        ("old.rttm/a.rttm", "no such folder"),
        ("old.rttm", "there already"),
        (".", "not a regular file"),
        ("/", "not a regular file"),
    ):
        with pytest.raises(DiarbookError, match=message):
            common.checked_output(wrong)
    common.checked_output("old.rttm", force=True)


def test_a_link_is_written_through(tmp_path):
    (tmp_path / "real").write_text("before")
    (tmp_path / "link").symlink_to("real")
    path = common.checked_output(str(tmp_path / "link"), force=True)
    common.write_output("after", path)
    assert path.is_symlink()
    assert (tmp_path / "real").read_text() == "after"


def test_standard_input(monkeypatch):
    monkeypatch.setattr("sys.stdin", types.SimpleNamespace(buffer=io.BytesIO(b"SPEAKER")))
    assert common.read_input("-") == b"SPEAKER"
    with pytest.raises(DiarbookError, match="standard input: is empty"):
        common.read_input("-")
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(DiarbookError, match="standard input: is closed"):
        common.read_input("-")
    assert (common.input_name("-"), common.input_name("a.rttm")) == ("standard input", "a.rttm")


def test_standard_input_is_read_once():
    common.check_one_standard_input(["-", None, "a"])
    with pytest.raises(click.UsageError, match="once only"):
        common.check_one_standard_input(["-", "a", "-"])
