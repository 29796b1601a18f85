"""How often an unknown voice gets a name, and a known one its own, as more people are enrolled.

Run: python benchmarks/gallery.py

Every stretch of speech is compared with everybody's other stretches, once as somebody enrolled and once as somebody
unknown. The threshold of the least size that keeps unknown training voices to 5 % stands beside the rule of
``diarbook.voiceprints.thresholds``, which was drawn through it; test voices say what both do to others.
"""

from __future__ import annotations

import numpy as np

from diarbook.assets import recordings, voice_samples
from diarbook.embeddings import embed_excerpts, load_embedder, single_speaker_excerpts, unit_length
from diarbook.knowledge.measuring import write_evidence
from diarbook.metrics.identification import leave_one_out_scores
from diarbook.vectordb import extend_embeddings
from diarbook.voiceprints.thresholds import THRESHOLD, gallery_threshold

SIZES = (1, 2, 4, 8, 15, 22, 100, 1000, 10_000)
DRAWS = 50
TARGET = 0.05
TEST_MEN = ("m4", "m5")


def stretches() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Embeddings of unit length, who speaks as a number, and the split of each stretch."""
    clips = recordings()
    splits = {clip.name: clip.split for clip in clips}
    chunks = single_speaker_excerpts(clips, 1.0, 2.0)
    embedder = load_embedder("campplus")
    words = [one for one in voice_samples("emotions") if one.condition == "neutral"]
    words.sort(key=lambda one: (one.speaker, one.name[::-1]))
    groups = [words[first : first + 3] for first in range(0, len(words), 3)]
    vectors = list(embed_excerpts(embedder, clips, chunks))
    vectors += [embedder.embed(np.concatenate([word.waveform for word in group]))[0] for group in groups]
    people = [chunk.speaker for chunk in chunks] + [group[0].speaker for group in groups]
    side = [splits[chunk.recording] for chunk in chunks]
    side += ["test" if group[0].speaker in TEST_MEN else "train" for group in groups]
    return unit_length(np.array(vectors, dtype=float)), np.unique(people, return_inverse=True)[1], np.array(side)


def main() -> None:
    units, truth, side = stretches()
    scores = leave_one_out_scores(units, truth)
    rows = np.arange(len(scores))
    own = scores[rows, truth].copy()
    probes = np.flatnonzero(np.isfinite(own))
    scores[rows, truth] = -np.inf
    real, own, side = scores[probes], own[probes], side[probes]
    drawn, _ = extend_embeddings(units, truth, 6 * max(SIZES), seed=1, each=6)
    simulated = units[probes] @ unit_length(drawn.reshape(max(SIZES), 6, -1).sum(axis=1)).T
    others = real.shape[1] - 1
    random = np.random.default_rng(0)
    table = []
    for size in SIZES:
        if size < others:
            best = np.array(
                [
                    [random.choice(row[np.isfinite(row)], size, replace=False).max() for row in real]
                    for _ in range(DRAWS)
                ]
            )
        else:
            best = np.maximum(real.max(axis=1), simulated[:, : size - others].max(axis=1, initial=-1.0))[None]
        strangers = np.sort(best[:, side == "train"].ravel())
        needed = strangers[int(np.ceil((1 - TARGET) * len(strangers))) :]
        row = {"people": size, "asked": round(float(needed[0]), 3), "rule": round(gallery_threshold(size), 3)}
        test = side == "test"
        for key, limit in (("fixed", THRESHOLD), ("ruled", row["rule"])):
            named = best[:, test] >= limit
            right = (own[test] > best[:, test]) & (own[test] >= limit)
            row |= {
                f"fpir_{key}": round(float(100 * named.mean()), 1),
                f"dir_{key}": round(float(100 * right.mean()), 1),
            }
        table.append(row)
        print(row)
    columns = {
        "people": "People enrolled",
        "asked": "Cosine that 5 % of unknown training voices reach",
        "rule": "Threshold by the rule",
        "fpir_fixed": f"FPIR at {THRESHOLD}, %",
        "dir_fixed": f"DIR at {THRESHOLD}, %",
        "fpir_ruled": "FPIR by the rule, %",
        "dir_ruled": "DIR by the rule, %",
    }
    card = {
        "data": f"{len(probes)} stretches of 1 to 2.5 s by people with two or more: meeting clips, telephone, words"
        f" of five men; a gallery of up to {others} real voices of others, then voices drawn from a Gaussian model",
        "files": f"{int((side == 'train').sum())} training stretches, {int((side == 'test').sum())} test stretches",
        "reference": "who speaks, as the packages say; a voice never contains the stretch that is compared with it",
        "speakers": f"mean over {DRAWS} draws of the gallery where it is smaller than {others}",
        "pooling": "all stretches alike; stretches of one person are not independent",
        "tuned_on": "the rule: the training clips and three of the men; rates: the test clips, the sample, two men",
        "command": "python benchmarks/gallery.py",
    }
    title = "Unknown and known voices against the number of people enrolled"
    packages = ("diarbook", "numpy", "onnxruntime")
    print(write_evidence("gallery", title, card, columns, table, packages=packages, models=["campplus"]))


if __name__ == "__main__":
    main()
