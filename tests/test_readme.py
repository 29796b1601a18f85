"""What the README shows works as it stands."""

import re
import shlex
from pathlib import Path

import click
import pytest

from diarbook import cli

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^\$ (.*?)(?: +#.*)?$", README, re.M)


def test_every_command_is_shown():
    assert set(cli.COMMANDS) <= {word for line in COMMANDS for word in line.split()}


@pytest.mark.parametrize("line", COMMANDS)
def test_command_lines_are_right_usage(line):
    for part in re.split(r" (?:&&|\|) ", line):
        words = shlex.split(re.sub(r" < \S+$", "", part))
        if words[0] != "diarbook":
            continue
        words, command = words[1:], cli.group
        while isinstance(command, click.Group):
            command = command.get_command(None, words.pop(0))
        command.make_context("diarbook", words)


def test_the_lines_of_python_run_one_after_the_other(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)
    assert len(blocks) == 2
    names = {}
    for block in blocks:
        exec(compile(block, "README.md", "exec"), names)
    rate, *turns = capsys.readouterr().out.splitlines()
    assert 0 <= float(rate) <= 0.10
    assert turns
    assert (tmp_path / "sample.rttm").read_text().startswith("SPEAKER sample 1 ")
    assert {turn.speaker for turn in names["named"]} == {"Ann", "SPEAKER_01"}
