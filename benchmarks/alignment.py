"""The same output against three references of one meeting: the package's own, AMI's words, and forced alignment.

The two others are published and not kept here: only_words/rttms/test of github.com/BUTSpeechFIT/AMI-diarization-setup,
and AMI/test of github.com/nttcslab-sp/diar-forced-alignment, which was made from the first (horiguchi2025repurpose).

Run: python benchmarks/alignment.py WORDS ALIGNED, two folders with EN2002a.rttm and EN2002b.rttm
"""

from __future__ import annotations

import sys
from pathlib import Path

from diarbook.assets import recordings
from diarbook.knowledge.measuring import write_evidence
from diarbook.metrics import PRESETS, diarization_errors, pool
from diarbook.pipelines.diarize import diarize
from diarbook.rttm import read_rttm
from diarbook.turns import crop, merge

MEETINGS = {"tst00": "EN2002a", "tst01": "EN2002b"}
SYSTEMS = {"default": "overlap", "pyannote": "pyannote", "cascade": "cascade"}
COLUMNS = {
    "reference": "Reference",
    "system": "System",
    "der": "DER, %, both clips",
    "tst00": "tst00",
    "tst01": "tst01",
    "missed": "Missed, s",
    "false_alarm": "False alarm, s",
    "confusion": "Confused, s",
    "seconds": "Reference speaker time, s",
}


def main(words: Path, aligned: Path) -> None:
    """Score every system on both clips against each reference, and write the evidence."""
    clips = {clip.name: clip for clip in recordings("test") if clip.name in MEETINGS}
    references = {"the package's": {name: clip.turns for name, clip in clips.items()}}
    for label, folder in (("only_words", words), ("forced alignment", aligned)):
        references[label] = {
            name: merge(crop(read_rttm(folder / f"{meeting}.rttm")[meeting], 0.0, clips[name].duration))
            for name, meeting in MEETINGS.items()
        }
    output = {
        system: {name: merge(diarize(clip.waveform, pipeline=pipeline)) for name, clip in clips.items()}
        for system, pipeline in SYSTEMS.items()
    }
    rows = []
    for reference, turns in references.items():
        for system, answers in output.items():
            uem = {name: clip.uem for name, clip in clips.items()}
            errors = diarization_errors(turns, answers, uem=uem, **PRESETS["full"].options())
            error = pool(errors.values())
            rows.append(
                {
                    "reference": reference,
                    "system": system,
                    "der": round(100 * error.rate, 1),
                    **{name: round(100 * one.rate, 1) for name, one in errors.items()},
                    "missed": round(error.missed, 1),
                    "false_alarm": round(error.false_alarm, 1),
                    "confusion": round(error.confusion, 1),
                    "seconds": round(error.total, 1),
                }
            )
            print(rows[-1])
    card = {
        "data": "the two test meeting clips: the first 30 s of AMI EN2002a and EN2002b, test partition of AMI",
        "files": "2, of the same four people",
        "reference": "the package's; only_words of BUTSpeechFIT/AMI-diarization-setup at 2509d89; AMI of "
        "nttcslab-sp/diar-forced-alignment at 9527b7c; the last two cut at 30 s",
        "collar_each_side": 0,
        "overlap": "scored",
        "region": "0 to 30 s of each clip",
        "vad": "system",
        "speakers": "estimated",
        "pooling": "pooled",
        "tuned_on": "training clips and simulated conversations, with references of the package's kind",
        "command": "python benchmarks/alignment.py WORDS ALIGNED",
    }
    write_evidence(
        "alignment",
        "Three systems against three references of the same meetings",
        card,
        COLUMNS,
        rows,
        packages=("diarbook", "pyannote.audio", "torch", "onnxruntime", "numpy"),
        models=("segmentation-3.0", "campplus"),
    )


if __name__ == "__main__":
    if len(sys.argv) == 3:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
    else:
        print(f"{__file__}: not measured again; it needs two folders:\n\n{__doc__}")
