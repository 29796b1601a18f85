"""A network that fails in the middle of a stream costs the sound that it has not seen, and nothing else."""

import numpy as np
import pytest
from tests.streaming.tones import Embedder, conversation, ears, hum

from diarbook.errors import AudioWarning, NetworkError, OptionError
from diarbook.segmentation.model import SegmentationModel
from diarbook.streaming import StreamingDiarizer, StreamSettings, blocks

EXAMPLE = conversation(24.0, 3, np.random.default_rng(1), overlap=True)
SOUND = hum(EXAMPLE, 24.0)
SETTINGS = StreamSettings(latency=2.0)


class Failing(Embedder):
    """Fails at the n-th call and from then on."""

    def __init__(self, calls, error=RuntimeError):
        super().__init__()
        self.calls, self.error = calls, error

    def embed_spans(self, features, spans):
        self.calls -= 1
        if self.calls < 0:
            raise self.error("out of memory")
        return super().embed_spans(features, spans)


def failing_ears(calls):
    left, hear = [calls], ears().run

    def run(batch):
        left[0] -= 1
        if left[0] < 0:
            raise RuntimeError("device lost")
        return hear(batch)

    return SegmentationModel(run, "failing")


def healthy():
    one = StreamingDiarizer(SETTINGS, ears(), Embedder())
    return one.push(SOUND)


@pytest.mark.parametrize("size", [800, 24 * 16_000])
@pytest.mark.parametrize("calls", [0, 1, 7, 20, 30])
@pytest.mark.parametrize("network", ["segmentation", "embedding"])
def test_what_was_heard_before_is_finished(network, calls, size):
    networks = (failing_ears(calls), Embedder()) if network == "segmentation" else (ears(), Failing(calls))
    one, before = StreamingDiarizer(SETTINGS, *networks), []
    with pytest.raises(NetworkError, match=f"the {network} network failed after"):
        before.extend(turn for block in blocks(SOUND, size) for turn in one.push(block))
    broke_off = one.heard
    with pytest.raises(OptionError, match=r"broke off at .* s; finish it"):
        one.push(SOUND[:10])
    assert one.heard == broke_off
    with pytest.warns(AudioWarning, match=r"stream: the last \d\.\d s are left out: a network failed \(") as notes:
        turns = before + one.finish()
    assert len(notes) == 1
    assert one.finish() == []
    until = [turn for turn in healthy() if turn.emitted < broke_off - 0.01]
    assert repr(turns[: len(until)]) == repr(until)  # nothing of it is lost or changed, however large the block was
    assert [turn.number for turn in turns] == list(range(len(turns)))
    assert one.speaking == []
    assert one.decided >= broke_off - SETTINGS.step - 0.1 or calls == 0
    for first, last, _ in EXAMPLE:
        if last < broke_off - SETTINGS.step - 0.2 and calls:
            middle = (first + last) / 2
            assert any(turn.start < middle < turn.end for turn in turns)


def test_a_network_that_fails_at_the_very_end():
    one = StreamingDiarizer(SETTINGS, ears(), embedder := Failing(10**6))
    turns = one.push(SOUND)
    embedder.calls = 0
    with pytest.warns(AudioWarning, match=r"are left out: a network failed \(out of memory\)"):
        turns += one.finish()
    assert turns[-1].end > 23.0
    assert one.speaking == []


def test_an_interrupt_in_the_middle_of_a_step_loses_nothing():
    one = StreamingDiarizer(SETTINGS, ears(), embedder := Failing(20, KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        one.push(SOUND)
    embedder.calls = 10**6  # the network is all right
    turns = one.finish()
    assert turns[-1].end > one.heard - 0.7
    until = [turn for turn in healthy() if turn.emitted < one.heard - 0.01]
    assert repr(turns[: len(until)]) == repr(until)


def test_a_gallery_that_fails_loses_no_turn():
    class Broken:
        asked = 0

        def best(self, vector):
            self.asked += 1
            if self.asked == 3:
                raise ZeroDivisionError

    one = StreamingDiarizer(SETTINGS, ears(), Embedder(), Broken())
    with pytest.raises(ZeroDivisionError):
        one.push(SOUND)
    turns = one.finish()
    until = [turn for turn in healthy() if turn.emitted <= one.heard]
    assert len(until) >= 2
    assert repr(turns[: len(until)]) == repr(until)
