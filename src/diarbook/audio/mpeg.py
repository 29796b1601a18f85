"""Frames of MPEG audio (MP3, MP2), found without decoding: how much sound a file holds, and where streams are joined.

A file of variable bit rate whose encoder wrote no count of frames looks to a decoder like one of constant bit rate; the
length is then an estimate, and decoders that believe it stop there.

Chapter: start
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import BinaryIO, NamedTuple

CHUNK = 1 << 20
_BIT_RATES = {
    (1, 1): range(32, 449, 32),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


class Frame(NamedTuple):
    """A frame by its header: length in bytes, samples a channel, rate, and what all frames of a stream share.

    Chapter: start
    """

    length: int
    samples: int
    rate: int
    side: int
    kind: tuple[int, ...]


@lru_cache(maxsize=4096)
def _frame(header: int) -> Frame | None:
    version, layer = header >> 19 & 3, 4 - (header >> 17 & 3)
    index, rate_index, padding, mono = header >> 12 & 15, header >> 10 & 3, header >> 9 & 1, header >> 6 & 3 == 3
    if header >> 21 != 0x7FF or version == 1 or layer == 4 or index in (0, 15) or rate_index == 3:
        return None
    full = version == 3
    rate = (44_100, 48_000, 32_000)[rate_index] >> (0 if full else 1 if version == 2 else 2)
    bits = 1000 * _BIT_RATES[1 if full else 2, layer][index - 1]
    if layer == 1:
        length, samples = (12 * bits // rate + padding) * 4, 384
    else:
        samples = 1152 if full or layer == 2 else 576
        length = samples // 8 * bits // rate + padding
    side = (17 if mono else 32) if full else (9 if mono else 17)
    # Only layer III changes its bit rate from frame to frame; a decoder's estimate is right for the others.
    return Frame(length, samples, rate, side, (version, layer, rate, mono, 0 if layer == 3 else bits))


def frame_at(data: bytes, at: int) -> Frame | None:
    """The frame whose header stands at a position of the data, or None.

    Chapter: start
    """
    if data[at : at + 1] != b"\xff" or len(data) < at + 4:
        return None
    return _frame(int.from_bytes(data[at : at + 4], "big") & 0xFFFE_FEC0)


def tag_length(data: bytes, at: int = 0) -> int:
    """Length of the ID3 or APE tag at a position of the data; 0 for none.

    Chapter: start
    """
    head = data[at : at + 32]
    if head[:3] == b"ID3" and len(head) >= 10:
        a, b, c, d = (byte & 0x7F for byte in head[6:10])
        return 10 + (a << 21 | b << 14 | c << 7 | d) + (10 if head[5] & 0x10 else 0)
    if head[:3] == b"TAG":
        return 128
    if head[:8] == b"APETAGEX" and len(head) >= 24:
        return int.from_bytes(head[12:16], "little") + (32 if head[23] & 0x20 else 0)
    return 0


class _Run(NamedTuple):
    """Frames that follow each other: how many hold sound, the first and its bytes, and the garbage before.

    In a constant run all frames are equally long.
    """

    start: int
    stop: int
    count: int
    frame: Frame
    head: bytes
    garbage: int
    constant: bool = True


def mpeg_streams(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int, float | None, float, str]]:
    """Find the streams of an MPEG audio file, each with a head that counts its frames.

    Parameters
    ----------
    file : binary file that can seek
    size : int
        Its length.

    Yields
    ------
    tuple
        What :class:`diarbook.audio.containers.Stream` consists of.

    Chapter: start
    """
    for number, run in enumerate(_runs(file, size)):
        note = "is damaged in the middle" if number and run.garbage > 1 else ""
        yield (*_headed(run), None, 1.0, note)


def _headed(run: _Run) -> tuple[bytes, int, int]:
    """A head with the right count of frames, in place of a wrong one or of none."""
    frame, layer = run.frame, run.frame.kind[1]
    tag = _tag(run.head, frame)
    claimed = int.from_bytes(run.head[tag + 8 : tag + 12], "big") if tag and run.head[tag + 7] & 1 else 0
    plain = run.constant and not tag and not _fraunhofer(run.head)
    # Without a count a decoder divides the bytes by the length of the first frames: right where all are equally long.
    if layer != 3 or claimed >= run.count > 0 or plain:
        return b"", run.start, run.stop
    if claimed:
        head = run.head[: tag + 8] + struct.pack(">I", run.count) + run.head[tag + 12 :]
        return head, run.start + len(head), run.stop
    start = run.start + (frame.length if tag or _fraunhofer(run.head) else 0)
    return _count_frame(run), start, run.stop


def _tag(head: bytes, frame: Frame) -> int:
    """Position of the tag that counts the frames of a stream; 0 for none."""
    at = 4 + frame.side
    return at if frame.kind[1] == 3 and head[at : at + 4] in (b"Xing", b"Info") else 0


def _fraunhofer(head: bytes) -> bool:
    return head[36:40] == b"VBRI"


def _count_frame(run: _Run) -> bytes:
    """A silent frame that holds nothing but the count of frames."""
    header = int.from_bytes(run.head[:4], "big")
    # 64 kbit/s has room for the tag at every rate; no checksum.
    header = header & ~0xF200 | 0x10000 | (5 if run.frame.kind[0] == 3 else 8) << 12
    tag = b"Info" + struct.pack(">II", 1, run.count)
    length = frame_at(header.to_bytes(4, "big"), 0).length
    return (header.to_bytes(4, "big") + bytes(run.frame.side) + tag).ljust(length, b"\0")


def _runs(file: BinaryIO, size: int) -> Iterator[_Run]:
    """Walk from frame to frame; a tag, another kind of frame or a new count begins another run."""
    at, data, base, run = 0, b"", 0, None
    garbage = 0
    while at + 4 <= size:
        if at < base or at + 4096 > base + len(data):
            file.seek(at)
            data, base = file.read(CHUNK), at
        here = at - base
        frame = frame_at(data, here)
        counts = frame is not None and (_tag(data[here : here + 64], frame) or _fraunhofer(data[here : here + 64]))
        if frame is None or counts or run is None or frame.kind != run.frame.kind:
            if run is not None:
                yield run
                run = None
            if frame is not None and _goes_on(data, here, frame, size - base):
                run = _Run(at, at, -1 if counts else 0, frame, data[here : here + 256], garbage)
                garbage = 0
            elif skip := tag_length(data, here):
                at += skip
                continue
            elif garbage > CHUNK:
                return
            else:
                following = data.find(b"\xff", here + 1)
                step = (following if following > 0 else len(data)) - here
                at, garbage = at + step, garbage + step
                continue
        whole = at + frame.length <= size
        at = min(size, at + frame.length)
        constant = run.constant and frame.length == run.frame.length
        run = _Run(run.start, at, run.count + whole, run.frame, run.head, run.garbage, constant)
    if run is not None:
        yield run


def _goes_on(data: bytes, here: int, frame: Frame, size: int) -> bool:
    """Whether a frame of the same kind, a tag or the end of the file follows."""
    after = here + frame.length
    if after + 4 > size:
        return True
    following = frame_at(data, after)
    return (following is not None and following.kind == frame.kind) or tag_length(data, after) > 0
