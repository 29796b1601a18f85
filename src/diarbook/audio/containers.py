"""What an audio file's own bytes say: its container, the streams that are joined in it, and where its header is wrong.

Decoders believe headers. A recorder that was killed leaves a length of zero, a copy that was cut promises more than it
holds, and ``cat a.mp3 b.mp3`` is two streams in one file. What is here finds such faults without decoding, and presents
each stream to a decoder with a head that is right.

Chapter: start
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from diarbook.audio.mpeg import frame_at, mpeg_streams, tag_length

HEAD = 4096
"""Bytes that are enough to recognize a container."""

PLACEHOLDER = 0x7FFF_F000
"""A 32-bit length from here on is what programs write that do not know it yet."""

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"RIFF", "WAV"),
    (0, b"RIFX", "WAV"),
    (0, b"RF64", "RF64"),
    (0, b"BW64", "RF64"),
    (0, b"riff\x2e\x91\xcf\x11", "W64"),
    (0, b"FORM", "AIFF"),
    (0, b".snd", "AU"),
    (0, b"caff", "CAF"),
    (0, b"fLaC", "FLAC"),
    (0, b"OggS", "OGG"),
    (0, b"ID3", "MP3"),
    (4, b"ftyp", "M4A"),
    (0, b"\x1a\x45\xdf\xa3", "WebM"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA"),
    (0, b"#!AMR", "AMR"),
    (0, b"FLV\x01", "FLV"),
)
_FLAC_HEAD = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22", re.DOTALL)
NO_LENGTH = "has no length in its header; all that follows the header is read"
TOO_SHORT = "has more sound than its header names; all of it is read"
_JUNK = (b"TAG", b"ID3", b"APETAGEX", b"\0\0\0\0")


@dataclass(frozen=True)
class Stream:
    """One stream of a file, as a decoder should see it.

    Attributes
    ----------
    head : bytes
        Read first, in place of what the file holds before `start`.
    start, stop : int
        The file's own bytes that follow the head.
    seconds : float, optional
        Length by the header, where it is known without decoding.
    share : float
        Of the bytes of sound that the header names, those that are there.
    note : str
        What is wrong with the header, for a warning.

    Chapter: start
    """

    head: bytes
    start: int
    stop: int
    seconds: float | None = None
    share: float = 1.0
    note: str = ""


class Splice(io.RawIOBase):
    """A stream as a binary file: its head, then its range of the file underneath.

    Chapter: start
    """

    def __init__(self, file: BinaryIO, stream: Stream) -> None:
        super().__init__()
        self._file, self._stream, self._at = file, stream, 0
        self._shift = stream.start - len(stream.head)
        self._size = len(stream.head) + stream.stop - stream.start

    def readable(self) -> bool:
        """Always."""
        return True

    def seekable(self) -> bool:
        """Always."""
        return True

    def tell(self) -> int:
        """The position, in bytes."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position; before the start is the start."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: memoryview) -> int:
        """Fill the buffer from where the stream stands, as far as the head or the file goes."""
        count = min(len(buffer), self._size - self._at)
        if count <= 0:
            return 0
        done = 0
        if self._at < len(self._stream.head):
            data = self._stream.head[self._at : self._at + count]
            done = len(data)
            buffer[:done] = data
        if done < count:  # decoders take a short read for the end
            self._file.seek(self._at + done + self._shift)
            done += self._file.readinto(memoryview(buffer)[done:count])
        self._at += done
        return done


def container(head: bytes) -> str | None:
    r"""Name the container that bytes begin with, or None.

    Parameters
    ----------
    head : bytes
        The first ones of a file; 4096 are enough.

    Returns
    -------
    str or None
        WAV, RF64, W64, AIFF, AU, CAF, FLAC, OGG, MP3, GSM, M4A, WebM, WMA, AAC, AMR or FLV.

    Examples
    --------
    >>> container(b"RIFF$\x00\x00\x00WAVEfmt "), container(b"\x00\x00\x01\x00")
    ('WAV', None)

    Chapter: start
    """
    for at, magic, name in _MAGIC:
        if head[at : at + len(magic)] == magic:
            return name
    if (frame := frame_at(head, 0)) is not None and len(head) > frame.length:
        following = frame_at(head, frame.length)
        if following is not None and following.kind == frame.kind:
            return "MP3"
    if head[:1] == b"\xff" and len(head) > 7 and head[1] & 0xF6 == 0xF0:  # ADTS: layer bits zero
        length = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
        if length > 7 and head[length : length + 1] == b"\xff" and head[length + 1 : length + 2] == head[1:2]:
            return "AAC"
    firsts = head[::33]
    return "GSM" if len(firsts) >= 10 and all(byte >> 4 == 0xD for byte in firsts) else None


def streams(file: BinaryIO) -> tuple[str | None, list[Stream]]:
    """Find the container of a file, and the streams in it with heads that are right.

    Parameters
    ----------
    file : binary file that can seek

    Returns
    -------
    str or None
        As :func:`container` names it.
    list of Stream
        One, or more for files that were joined.

    Chapter: start
    """
    size = file.seek(0, io.SEEK_END)
    kind = container(_bytes(file, 0, HEAD))
    if kind == "MP3":
        found = [Stream(*row) for row in mpeg_streams(file, size)]
        after = tag_length(_bytes(file, 0, 32))
        if not found and after:  # other containers may stand behind a tag as well
            return container(_bytes(file, after, HEAD)), [Stream(b"", after, size)]
        return kind, found or [Stream(b"", 0, size)]
    if kind == "OGG":
        return kind, list(_ogg(file, size))
    if kind == "FLAC":
        return kind, list(_flac(file, size))
    if kind not in _CHUNKED:
        return kind, [Stream(b"", 0, size)]
    found, start = [], 0
    while start < size and container(_bytes(file, start, HEAD)) == kind:
        try:
            stream = _CHUNKED[kind](file, start, size)
        except struct.error:  # the file ends within its header
            stream = Stream(b"", start, size)
        found.append(stream)
        start = stream.stop
    return kind, found


def _bytes(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)


def _number(file: BinaryIO, at: int, form: str) -> int:
    """A number of the file; ``struct.error`` beyond its end."""
    return struct.unpack(form, _bytes(file, at, struct.calcsize(form)))[0]


def _patched(
    file: BinaryIO, start: int, stop: int, patches: dict[int, bytes], note: str = "", share: float = 1.0
) -> Stream:
    """The stream whose head has other bytes at some positions of the file."""
    if not patches:
        return Stream(b"", start, stop, share=share, note=note)
    end = max(at + len(data) for at, data in patches.items())
    head = bytearray(_bytes(file, start, end - start))
    for at, data in patches.items():
        head[at - start : at - start + len(data)] = data
    return Stream(bytes(head), end, stop, share=share, note=note)


# ---------------------------------------------------------------- chunks: RIFF, RF64, AIFF, W64, CAF, and AU


def _chunks(file: BinaryIO, at: int, stop: int, form: str) -> Iterator[tuple[bytes, int, int]]:
    """Name, position of the content and its length of each chunk, as long as their names are names."""
    while at + 8 <= stop:
        name = _bytes(file, at, 4)
        if not all(0x20 <= byte < 0x7F for byte in name):
            return
        length = _number(file, at + 4, form)
        yield name, at + 8, length
        at += 8 + length + length % 2


def _is_chunk(file: BinaryIO, at: int, size: int, form: str) -> bool:
    """Whether a chunk that fits the file begins here, or what is left cannot be one."""
    if at + 8 > size:
        return True
    first = next(_chunks(file, at, size, form), None)
    return first is not None and first[1] + first[2] <= size


def _riff(file: BinaryIO, start: int, size: int) -> Stream:
    """RIFF, RF64 or AIFF: lengths of 32 bits, and the long ones of RF64 in a chunk of their own."""
    magic = _bytes(file, start, 4)
    form, wanted = (">I" if magic in (b"FORM", b"RIFX") else "<I"), (b"SSND" if magic == b"FORM" else b"data")
    rate, long = 0, None
    for name, at, length in _chunks(file, start + 12, size, form):  # noqa: B007
        if name == b"fmt ":
            rate = _number(file, at + 8, form)
        elif name == b"ds64":
            long = at
        elif name == wanted:
            break
    else:
        return Stream(b"", start, size)
    rest = size - at
    patch = {at - 4: struct.pack(form, min(rest, 0xFFFF_FFFF))}
    if long is not None and length >= PLACEHOLDER:
        length = _number(file, long + 8, "<Q")
        patch = {long: struct.pack("<QQQ", size - start - 8, rest, 0)}
    if length > rest:
        unknown = length >= 2**62 or PLACEHOLDER <= length < 2**32
        share = 1.0 if unknown else rest / length
        return _patched(file, start, size, patch if length >= 2**32 else {}, share=share)
    end = at + length + length % 2
    whole = start + 8 + _number(file, start + 4, form)
    for joint in (end, whole + whole % 2):
        if end <= joint < size and _bytes(file, joint, 4) == magic and container(_bytes(file, joint, HEAD)):
            return Stream(b"", start, joint)
    empty = length <= (8 if magic == b"FORM" else 0)
    if _is_chunk(file, end, size, form) or (not empty and _is_junk(file, end, size, rate)):
        return Stream(b"", start, size)
    return _patched(file, start, size, patch, NO_LENGTH if empty else TOO_SHORT)


def _is_junk(file: BinaryIO, at: int, size: int, rate: int) -> bool:
    """Whether what follows the sound is a tag, padding, or less than a second."""
    return size - at < max(rate, 8000) or _bytes(file, at, 8).startswith(_JUNK)


def _w64(file: BinaryIO, start: int, size: int) -> Stream:
    """Sony Wave64: the length of the whole includes its head; libsndfile reads to the end of the file."""
    whole, at = start + _number(file, start + 16, "<Q"), start + 40
    if start < whole < size and container(_bytes(file, whole, 40)) == "W64":
        return Stream(b"", start, whole)
    while at + 24 <= size:
        length = _number(file, at + 16, "<Q")
        if _bytes(file, at, 4) == b"data" and 24 < length < 2**62:
            return Stream(b"", start, size, share=min(1.0, (size - at) / length))
        if length < 24:
            break
        at += length + -length % 8
    return Stream(b"", start, size)


def _caf(file: BinaryIO, start: int, size: int) -> Stream:
    """Core Audio: libsndfile refuses a chunk of sound whose length is -1, as the format allows, or too large."""
    at = start + 8
    while at + 12 <= size:
        name, length = _bytes(file, at, 4), _number(file, at + 4, ">q")
        if name == b"caff":
            return Stream(b"", start, at)
        rest = size - at - 12
        if name == b"data" and not 4 < length <= rest and rest > 4:
            share = rest / length if length > rest else 1.0
            patch = {at + 4: struct.pack(">q", rest)}
            return _patched(file, start, size, patch, NO_LENGTH if 0 <= length <= 4 else "", share)
        if length < 0:
            break
        at += 12 + length
    return Stream(b"", start, size)


def _au(file: BinaryIO, start: int, size: int) -> Stream:
    """Sun AU: one length, 0xFFFFFFFF where it is not known."""
    at, length = start + _number(file, start + 4, ">I"), _number(file, start + 8, ">I")
    if length == 0 and at < size:
        return _patched(file, start, size, {start + 8: b"\xff" * 4}, NO_LENGTH)
    if at + length < size and container(_bytes(file, at + length, HEAD)) == "AU":
        return Stream(b"", start, at + length)
    if length <= size - at or at >= size:
        return Stream(b"", start, size)
    share = 1.0 if length >= PLACEHOLDER else (size - at) / length
    return _patched(file, start, size, {start + 8: b"\xff" * 4}, share=share)


_CHUNKED: dict[str | None, Callable[[BinaryIO, int, int], Stream]] = {
    "WAV": _riff,
    "RF64": _riff,
    "AIFF": _riff,
    "W64": _w64,
    "CAF": _caf,
    "AU": _au,
}

# ---------------------------------------------------------------- FLAC and Ogg


def _flac(file: BinaryIO, size: int) -> Iterator[Stream]:
    """Each stream begins with its marker; its count of samples is set to unknown, and compared after decoding."""
    starts, at = [0], 4
    while at < size:
        data = _bytes(file, at, 1 << 20)
        starts += [at + match.start() for match in _FLAC_HEAD.finditer(data)]
        at += max(1, len(data) - 7)
    starts = sorted(set(starts))
    for start, stop in zip(starts, [*starts[1:], size], strict=True):
        head = bytearray(_bytes(file, start, 26))
        if len(head) < 26 or head[4] & 0x7F:
            yield Stream(b"", start, stop)
            continue
        packed = int.from_bytes(head[18:26], "big")
        rate, count = packed >> 44, packed & (1 << 36) - 1
        head[18:26] = (packed >> 36 << 36).to_bytes(8, "big")
        yield Stream(bytes(head), start + 26, stop, seconds=count / rate if count and rate else None)


def _ogg(file: BinaryIO, size: int) -> Iterator[Stream]:
    """Pages; a first page after pages of another kind begins another stream."""
    start, at, beginning, cut = 0, 0, True, False
    while at + 27 <= size:
        page = _bytes(file, at, 27 + 255)
        if page[:4] != b"OggS":
            at = _next(file, at + 1, size, b"OggS")
            continue
        first = bool(page[5] & 2)
        if first and not beginning:
            yield Stream(b"", start, at)
            start = at
        beginning = first
        at += 27 + page[26] + sum(page[27 : 27 + page[26]])
        cut = at > size
    yield Stream(b"", start, size, note="ends early, in the middle of a page" if cut else "")


def _next(file: BinaryIO, at: int, size: int, mark: bytes) -> int:
    """Position of the next mark, or the size of the file."""
    while at < size:
        data = _bytes(file, at, 1 << 20)
        if (found := data.find(mark)) >= 0:
            return at + found
        at += max(1, len(data) - len(mark) + 1)
    return size
