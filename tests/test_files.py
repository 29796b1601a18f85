import errno
import os

import pytest

from diarbook import files
from diarbook.errors import DiarbookError
from diarbook.files import read_data, repository_root, write_atomically


def test_text_and_bytes_are_written_whole(tmp_path):
    write_atomically(tmp_path / "a.txt", "né\n")
    write_atomically(tmp_path / "b.bin", b"\x00\xff")
    assert (tmp_path / "a.txt").read_bytes() == "né\n".encode()
    assert (tmp_path / "b.bin").read_bytes() == b"\x00\xff"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.txt", "b.bin"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, failing):
    path = tmp_path / "a.txt"
    write_atomically(path, "old")

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if failing == "fsync":
        monkeypatch.setattr(files.os, "fsync", full)
    else:
        monkeypatch.setattr(files.Path, "replace", full)
    with pytest.raises(DiarbookError, match=r"No space left on device.*free disk space"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.txt"]


def test_an_interrupt_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a.txt", "new")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path):
    (tmp_path / "file").touch()
    for folder in ("missing", "file"):
        with pytest.raises(DiarbookError, match=rf"{folder}/a\.txt: cannot be written"):
            write_atomically(tmp_path / folder / "a.txt", "x")


def test_a_folder_or_a_device_is_no_file_to_write(tmp_path):
    for path in (tmp_path, "/dev/null"):
        with pytest.raises(DiarbookError, match="not a regular file"):
            write_atomically(path, "x")


def test_data_is_found():
    assert repository_root() is not None
    assert "campplus" in read_data("models.yaml")


@pytest.mark.parametrize(("mask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o002, 0o664)])
def test_a_new_file_has_the_permissions_that_the_umask_leaves(tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        write_atomically(tmp_path / "a.txt", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
def test_a_file_that_was_there_keeps_its_permissions(tmp_path, mode):
    write_atomically(tmp_path / "a.txt", "old")
    (tmp_path / "a.txt").chmod(mode)
    write_atomically(tmp_path / "a.txt", "new")
    assert ((tmp_path / "a.txt").read_text(), (tmp_path / "a.txt").stat().st_mode & 0o777) == ("new", mode)


def test_what_is_private_is_its_owner_s_alone_whatever_was_there(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    (tmp_path / "a.txt").chmod(0o666)
    for name in ("a.txt", "b.txt"):
        write_atomically(tmp_path / name, "x", private=True)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def test_a_symbolic_link_is_written_through(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to("real/a.txt")
    write_atomically(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real" / "a.txt").read_text() == "new"
    (tmp_path / "next.txt").symlink_to("real/not yet.txt")
    write_atomically(tmp_path / "next.txt", "new")
    assert (tmp_path / "real" / "not yet.txt").read_text() == "new"
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(DiarbookError, match="not a regular file"):
        write_atomically(tmp_path / "circle", "x")


def test_the_longest_file_name_can_be_written(tmp_path):
    write_atomically(tmp_path / ("n" * 255), "x")
    assert (tmp_path / ("n" * 255)).read_text() == "x"


def test_text_that_is_no_unicode_is_named_and_nothing_is_written(tmp_path):
    with pytest.raises(DiarbookError, match=r"a\.txt: '\\udcff' cannot be written as UTF-8; rename what holds it"):
        write_atomically(tmp_path / "a.txt", "bad\udcff name")
    assert list(tmp_path.iterdir()) == []
