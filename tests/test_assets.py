"""The cache, on tiny packages made here: no test downloads anything."""

import errno
import hashlib
import io
import os
import stat
import sys
import tarfile
import zipfile

import numpy as np
import pytest
import soundfile
import yaml

from diarbook import assets, files
from diarbook.errors import AssetError, DiarbookError

WEIGHTS = b"weights " * 100
RTTM = "SPEAKER call 1 0.1 0.5 <NA> <NA> A <NA> <NA>\n"
UEM = "call 1 0.0 0.75\n"
OUTSIDE = "../../outside.txt"


def digest(data):
    return hashlib.sha256(data).hexdigest()


def wave():
    buffer = io.BytesIO()
    soundfile.write(buffer, np.zeros(16000), 16000, format="WAV")
    return buffer.getvalue()


def wheel_of(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def sdist_of(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, data in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
        link = tarfile.TarInfo("toy-1.0/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return buffer.getvalue()


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A registry of one model in a wheel and one recording in an sdist, a mirror with both, and an empty cache."""
    sound, rttm, uem = wave(), RTTM.encode(), UEM.encode()
    words = wheel_of({"words/m1.a_1.wav": sound, "words/m2.b_1.wav": sound, "words/readme.md": b"no sound"})
    voices = {"toy-1.0/words.zip": words, "toy-1.0/soft.wav": sound}
    archives = {
        "toy-1.0-py3-none-any.whl": wheel_of({"toy/net.pt": WEIGHTS, OUTSIDE: b"escaped"}),
        "toy-1.0.tar.gz": sdist_of(
            {"toy-1.0/call.wav": sound, "toy-1.0/ref.rttm": rttm, "toy-1.0/ref.uem": uem} | voices
        ),
    }
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    for name, data in archives.items():
        (mirror / name).write_bytes(data)

    def package(kind, file):
        return {
            "requirement": "toy==1.0",
            "kind": kind,
            "file": file,
            "bytes": len(archives[file]),
            "sha256": digest(archives[file]),
        }

    def member(package_name, name, data):
        return {"package": package_name, "member": name, "bytes": len(data), "sha256": digest(data)}

    texts = {
        "models.yaml": {
            "packages": {"wheel": package("wheel", "toy-1.0-py3-none-any.whl")},
            "models": {"net": {"title": "Net", "licence": "MIT", "weights": member("wheel", "toy/net.pt", WEIGHTS)}},
        },
        "audio.yaml": {
            "packages": {"sdist": package("sdist", "toy-1.0.tar.gz")},
            "recordings": {
                "call": {
                    "title": "Call",
                    "split": "test",
                    "licence": "MIT",
                    "audio": member("sdist", "toy-1.0/call.wav", sound),
                    "rttm": member("sdist", "toy-1.0/ref.rttm", rttm),
                    "uem": member("sdist", "toy-1.0/ref.uem", uem),
                }
            },
            "voices": {
                "words": {
                    "title": "Words",
                    "licence": "MIT",
                    "archive": member("sdist", "toy-1.0/words.zip", words),
                    "pattern": r"words/(?P<speaker>m\d)\.(?P<condition>[ab])_\d\.wav",
                    "conditions": {"a": "anger", "b": "boredom"},
                },
                "styles": {
                    "title": "Styles",
                    "licence": "MIT",
                    "samples": [
                        {"speaker": "M", "condition": "whisper", "audio": member("sdist", "toy-1.0/soft.wav", sound)}
                    ],
                },
            },
        },
    }
    monkeypatch.setattr(assets, "read_data", lambda name: yaml.safe_dump(texts[name]))
    monkeypatch.setenv("DIARBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DIARBOOK_MIRROR", str(mirror))
    assets._registry.cache_clear()
    yield tmp_path
    assets._registry.cache_clear()


def names_in(folder):
    return sorted(path.name for path in folder.iterdir())


def test_fetch_from_a_mirror(toy):
    paths = assets.fetch()
    assert [path.name for path in paths] == [
        "net.pt",
        "call.wav",
        "ref.rttm",
        "ref.uem",
        "styles-soft.wav",
        "words.zip",
    ]
    assert assets.weights_path("net").read_bytes() == WEIGHTS
    call = assets.recording("call")
    assert call.duration == 1.0
    assert [(t.start, t.end, t.speaker) for t in call.turns] == [(0.1, 0.6, "A")]
    assert call.uem.tolist() == [[0.0, 0.75]]
    assert [r.name for r in assets.recordings("test")] == ["call"]
    assert assets.recordings("train") == []
    assert names_in(toy / "cache") == ["call.wav", "net.pt", "ref.rttm", "ref.uem", "styles-soft.wav", "words.zip"]


def test_voice_samples_from_an_archive_and_from_files(toy):
    assets.fetch()
    assert [(s.name, s.speaker, s.condition, len(s.waveform)) for s in assets.voice_samples("words")] == [
        ("m1.a_1", "m1", "anger", 16000),
        ("m2.b_1", "m2", "boredom", 16000),
    ]
    assert [(s.name, s.speaker, s.condition) for s in assets.voice_samples("styles")] == [("soft", "M", "whisper")]


def test_a_corrupt_collection_of_voices_is_named(toy):
    assets.fetch("words")
    (toy / "cache" / "words.zip").write_bytes(b"PK")
    with pytest.raises(AssetError, match=r"words\.zip: corrupt"):
        assets.voice_samples("words")
    with pytest.raises(AssetError, match="not fetched yet"):
        assets.voice_samples("styles")


def test_a_member_with_a_path_outside_stays_inside(toy):
    assets.fetch()
    assert names_in(toy) == ["cache", "mirror"]
    assert not list(toy.rglob("outside.txt"))


def test_a_link_in_an_archive_is_no_member(toy):
    package = assets.recordings_registry()["call"]["audio"].package
    with pytest.raises(DiarbookError, match=r"report this|cannot be read"):
        assets._read_member(toy / "mirror" / package.file, package, "toy-1.0/link")


def test_a_second_fetch_reads_no_archive(toy):
    first = assets.fetch()
    for path in (toy / "mirror").iterdir():
        path.unlink()
    times = [path.stat().st_mtime_ns for path in first]
    assert assets.fetch() == first
    assert [path.stat().st_mtime_ns for path in first] == times


def test_fetch_by_name(toy):
    assert not assets.is_fetched("net")
    assert [path.name for path in assets.fetch("net")] == ["net.pt"]
    assert assets.is_fetched("net")
    assert not assets.is_fetched("call")
    assert names_in(toy / "cache") == ["net.pt"]


@pytest.mark.parametrize(
    "call",
    [assets.weights_path, assets.recording, assets.voice_samples, assets.is_fetched, lambda n: assets.fetch([n])],
)
def test_an_unknown_name_lists_the_known(toy, call):
    with pytest.raises(AssetError, match=r"unknown .*'nope'; known: (net|call|styles)"):
        call("nope")


def test_an_unknown_split_lists_the_known(toy):
    with pytest.raises(AssetError, match="unknown split 'all'; known: train, development, test"):
        assets.recordings("all")


def test_a_missing_file_is_named_with_its_remedy(toy):
    with pytest.raises(AssetError, match=r"net\.pt: not fetched yet; run `diarbook fetch`"):
        assets.weights_path("net")


@pytest.mark.parametrize("damage", [b"", WEIGHTS[:-1], WEIGHTS[:-1] + b"!"])
def test_a_corrupt_file_is_named_and_fetched_again(toy, damage):
    (path,) = assets.fetch("net")
    path.write_bytes(damage)
    with pytest.raises(AssetError, match=r"net\.pt: corrupt .* delete it and run `diarbook fetch`"):
        assets.weights_path("net")
    assets.fetch("net")
    assert path.read_bytes() == WEIGHTS


def test_a_corrupt_or_missing_archive_in_the_mirror(toy):
    archive = toy / "mirror" / "toy-1.0-py3-none-any.whl"
    archive.write_bytes(archive.read_bytes()[:-1] + b"!")
    with pytest.raises(AssetError, match="corrupt"):
        assets.fetch("net")
    archive.unlink()
    with pytest.raises(AssetError, match="not in the mirror"):
        assets.fetch("net")
    assert names_in(toy / "cache") == []


def test_a_full_disk_leaves_nothing_half_written(toy, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(DiarbookError, match="No space left on device"):
        assets.fetch()
    assert names_in(toy / "cache") == []
    monkeypatch.undo()


def test_a_cache_that_cannot_be_made(toy, monkeypatch):
    (toy / "file").write_text("")
    monkeypatch.setenv("DIARBOOK_CACHE", str(toy / "file"))
    with pytest.raises(AssetError, match="set DIARBOOK_CACHE to another folder"):
        assets.fetch()


def fake_pip(folder, body):
    """An interpreter whose pip is a few lines of shell; ``$dest`` is pip's target folder."""
    path = folder / "python"
    path.write_text(f'#!/bin/sh\nfor word; do [ "$last" = --dest ] && dest="$word"; last="$word"; done\n{body}\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_pip_brings_the_package_once(toy, monkeypatch):
    seen = []
    monkeypatch.delenv("DIARBOOK_MIRROR")
    body = f'echo "$@" >>{toy}/calls\ncp {toy}/mirror/toy-1.0.tar.gz {toy}/mirror/*.whl "$dest"'
    monkeypatch.setattr(sys, "executable", fake_pip(toy, body))
    assets.fetch(progress=lambda *row: seen.append(row))
    calls = (toy / "calls").read_text().splitlines()
    assert [line.startswith("-m pip download --quiet --no-deps") for line in calls] == [True, True]
    assert "--only-binary" in calls[0]
    assert "--no-binary" in calls[1]
    assert seen[-1][0] == "toy==1.0"
    assert seen[-1][1] == seen[-1][2] > 0
    assert names_in(toy / "cache") == ["call.wav", "net.pt", "ref.rttm", "ref.uem", "styles-soft.wav", "words.zip"]
    assets.fetch()
    assert len((toy / "calls").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('echo "ERROR: No matching distribution" >&2; echo >&2; exit 1', "ERROR: No matching distribution"),
        ('echo "No module named pip" >&2; exit 1', "No module named pip"),
        ("exit 1", "pip gave no reason"),
        ("exit 0", "pip gave no reason"),
    ],
)
def test_what_pip_says_is_passed_on(toy, monkeypatch, body, message):
    monkeypatch.delenv("DIARBOOK_MIRROR")
    monkeypatch.setattr(sys, "executable", fake_pip(toy, body))
    with pytest.raises(AssetError) as caught:
        assets.fetch("net")
    assert str(caught.value) == f"toy==1.0: pip could not download it ({message}); check the network and retry"
    assert names_in(toy / "cache") == []


def test_a_download_with_another_checksum_is_refused(toy, monkeypatch):
    monkeypatch.delenv("DIARBOOK_MIRROR")
    monkeypatch.setattr(sys, "executable", fake_pip(toy, 'echo evil >"$dest/toy-1.0-py3-none-any.whl"'))
    with pytest.raises(AssetError, match="SHA-256 is not the registry's"):
        assets.fetch("net")
    assert names_in(toy / "cache") == []


def test_a_failure_after_the_download_costs_no_second_one(toy, monkeypatch):
    monkeypatch.delenv("DIARBOOK_MIRROR")
    body = f'echo call >>{toy}/calls\ncp {toy}/mirror/*.whl "$dest"'
    monkeypatch.setattr(sys, "executable", fake_pip(toy, body))

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "fsync", full)
        with pytest.raises(DiarbookError):
            assets.fetch("net")
    assert names_in(toy / "cache") == ["toy-1.0-py3-none-any.whl"]
    assets.fetch("net")
    assert (toy / "calls").read_text() == "call\n"
    assert names_in(toy / "cache") == ["net.pt"]


def test_the_registries_are_complete():
    """Of the real registries: every entry says what a reader must know."""
    assets._registry.cache_clear()
    for registry in (assets.models(), assets.recordings_registry(), assets.voices_registry()):
        for name, entry in registry.items():
            for field in ("title", "licence", "origin", "citation"):
                assert entry[field], (name, field)
    assert [name for name, entry in assets.recordings_registry().items() if entry["split"] == "test"] == [
        "sample",
        "tst00",
        "tst01",
    ]
    assert {entry["split"] for entry in assets.recordings_registry().values()} == set(assets.SPLITS)


def test_the_real_recordings():
    clips = assets.recordings()
    assert len(clips) == 15
    for clip in clips:
        assert clip.waveform.dtype == np.float32
        assert clip.turns
        assert clip.uem.shape == (1, 2)
        assert 29 < clip.duration < 61


def test_the_real_voices():
    emotions = assets.voice_samples("emotions")
    assert len(emotions) == 450
    assert {s.condition for s in emotions} == {"neutral", "anger", "fear"}
    assert len({s.speaker for s in emotions}) == 5
    styles = assets.voice_samples("styles")
    assert {"healthy", "cold", "whisper", "falsetto", "creaky"} < {s.condition for s in styles}
    assert all(s.waveform.dtype == np.float32 and len(s.waveform) > 3000 for s in [*emotions, *styles])
    readers = assets.voice_samples("readers")
    assert {s.speaker for s in readers} == {f"R{number}" for number in range(1, 9)}
    assert sum(len(s.waveform) for s in readers) / 16_000 == pytest.approx(
        assets.voices_registry()["readers"]["seconds"], abs=1
    )
