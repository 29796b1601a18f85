"""Lines and bars on standard error."""

import io

import click
import pytest

from diarbook.commands import terminal


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\n b\tc", "a b c"),
        ("red \x1b[31m", r"red \x1b[31m"),
        ("bad\udcff.wav", r"bad\udcff.wav"),
        ("王 été", "王 été"),
        (ValueError("x\u202ey"), r"x\u202ey"),
    ],
)
def test_a_line_holds_nothing_that_a_terminal_would_obey(text, shown):
    assert terminal.one_line(text) == shown


@click.command()
@terminal.quiet_option
def talking():
    terminal.say("at work")
    terminal.note("it is clipped")
    terminal.complain("one failed")
    with terminal.progress("a") as advance:
        advance("embeddings", 0.5)


def test_quiet_leaves_only_what_failed(capsys):
    talking.main([], standalone_mode=False)
    assert capsys.readouterr().err == "at work\ndiarbook: note: it is clipped\ndiarbook: one failed\n"
    talking.main(["--quiet"], standalone_mode=False)
    assert capsys.readouterr() == ("", "diarbook: one failed\n")


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_drawn_on_a_terminal_without_color(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with terminal.progress("my talk") as advance:
        advance("segmentation", 0.25)
        advance("embeddings", 1.0)
        advance("embeddings", 0.5)  # never backwards
    assert "my talk: 100%" in screen.getvalue()
    assert "\x1b[" not in screen.getvalue()


def test_progress_without_any_stage_ends_all_the_same(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with terminal.progress("silence"):
        pass
    assert "silence: 100%" in screen.getvalue()


@pytest.mark.parametrize("stream", [None, io.StringIO()])
def test_progress_is_not_drawn_elsewhere(monkeypatch, stream):
    monkeypatch.setattr("sys.stderr", stream)
    with terminal.progress("a") as advance:
        advance("segmentation", 0.5)
    assert stream is None or stream.getvalue() == ""


def test_progress_is_not_drawn_on_a_terminal_that_cannot_move_its_cursor(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "dumb")
    with terminal.progress("a") as advance:
        advance("segmentation", 0.5)
    assert screen.getvalue() == ""


def test_downloads_are_drawn_one_below_the_other(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with terminal.downloads() as advance:
        for package in ("first==1", "second==2"):
            for done in (0, 5, 10):
                advance(package, done, 10)
    assert "first==1: 100%" in screen.getvalue()
    assert "second==2: 100%" in screen.getvalue()
    assert "\x1b[" not in screen.getvalue()
    monkeypatch.setattr("sys.stderr", io.StringIO())
    with terminal.downloads() as advance:
        advance("first==1", 5, 10)
