"""Plant one fault at a time in the modules that matter, and see which the tests find: `make mutants`.

Each fault is a small change of one line. A copy of the package with that change alone runs the tests named for its
module; a fault that they pass survives. The list is held to the code by tests/test_mutants.py.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
TESTS = {
    "metrics/der.py": ("tests/metrics/test_der.py", "tests/test_conformance.py"),
    "metrics/jer.py": ("tests/metrics/test_jer.py",),
    "metrics/verification.py": ("tests/metrics/test_verification_metrics.py",),
    "metrics/calibration.py": ("tests/metrics/test_calibration.py", "tests/backends"),
    "backends/calibration.py": ("tests/backends", "tests/metrics/test_calibration.py"),
    "turns.py": ("tests/test_turns.py",),
    "vad.py": ("tests/test_vad.py",),
    "gaussians.py": ("tests/segmentation/test_change.py",),
    "segmentation/windows.py": ("tests/segmentation/test_windows.py",),
    "segmentation/local.py": ("tests/segmentation/test_local.py",),
    "segmentation/stitching.py": ("tests/segmentation/test_stitching.py",),
    "pipelines/overlap.py": ("tests/pipelines/test_overlap.py",),
    "clustering/agglomerative.py": ("tests/clustering/test_agglomerative.py",),
    "clustering/constrained.py": ("tests/clustering/test_constrained.py",),
    "embeddings/front_end.py": ("tests/embeddings/test_embedder.py",),
    "embeddings/embedder.py": ("tests/embeddings/test_embedder.py",),
    "streaming/memory.py": ("tests/streaming/test_memory.py", "tests/streaming/test_diarizer.py"),
    "voiceprints/matching.py": ("tests/voiceprints/test_matching.py",),
    "voiceprints/adaptation.py": ("tests/voiceprints/test_adaptation.py",),
}


@dataclass(frozen=True)
class Mutant:
    """One line of a module, changed."""

    module: str
    before: str
    after: str


def _of(module: str, *changes: tuple[str, str]) -> list[Mutant]:
    return [Mutant(module, before, after) for before, after in changes]


MUTANTS = [
    *_of(
        "metrics/der.py",
        ("np.maximum(speaking - guessed, 0))  # eq: evaluation-missed", "np.maximum(guessed - speaking, 0))"),
        ("np.maximum(guessed - speaking, 0))  # eq: evaluation-false-alarm", "np.abs(guessed - speaking))"),
        ("matched = cells.per_recording(scored * np.minimum(speaking, guessed))",
         "matched = cells.per_recording(scored * np.maximum(speaking, guessed))"),
        ("total = cells.per_recording(scored * speaking)", "total = cells.per_recording(scored * (speaking > 0))"),
        ("best_matching(region_time[mine], None if whole else counted[mine])", "best_matching(region_time[mine])"),
        ("    return rows[real], columns[real]", "    return rows, columns"),
    ),
    *_of(
        "metrics/jer.py",
        ("either = spoken[ours, None] + guessed[None, theirs] - both", "either = spoken[ours, None] + guessed[None, theirs]"),
        ("/ len(self.speakers) if", "/ max(len(self.speakers), 2) if"),
    ),
    *_of(
        "metrics/verification.py",
        ('missed = np.searchsorted(targets, thresholds, side="left")', 'missed = np.searchsorted(targets, thresholds, side="right")'),
        ("before = int(np.flatnonzero(gap >= 0)[-1])", "before = int(np.flatnonzero(gap >= 0)[0])"),
        ("share = gap[before] / (gap[before] - gap[after])", "share = 0.5"),
    ),
    *_of(
        "metrics/calibration.py",
        ("cost_false_alarm * (1 - prior) / (cost_miss * prior)", "cost_false_alarm * prior / (cost_miss * (1 - prior))"),
        ("cross_entropy(targets, others, 0.5) / math.log(2)", "cross_entropy(targets, others, 0.5)"),
    ),
    *_of(
        "backends/calibration.py",
        ("targets.min() >= others.max()", "targets.min() > others.max()"),
        ("return self.scale * np.asarray(scores, dtype=float) + self.offset", "return self.scale * np.asarray(scores, dtype=float)"),
    ),
    *_of(
        "turns.py",
        ("turn.start - last.end <= gap", "turn.start - last.end < gap"),
        ("max(last.end, turn.end), turn.speaker)", "turn.end, turn.speaker)"),
        ("return [turn for turn in kept if turn.duration > 0]", "return list(kept)"),
        ("for index, speaker in enumerate(speakers(turns))}", "for index, speaker in enumerate(sorted(set(speakers(turns))))}"),
    ),
    *_of(
        "vad.py",
        ("decided = (scores >= onset) | (scores < offset)", "decided = (scores > onset) | (scores < offset)"),
        ("(lengths >= self.minimum_speech - SLACK)", "(lengths > self.minimum_speech + SLACK)"),
        ("np.array([-self.padding, self.padding])", "np.array([-self.padding, 0])"),
        ("        return _fill_pauses(regions, self.minimum_silence)\n", "        return regions\n"),
    ),
    *_of("gaussians.py", ("VARIANCE_FLOOR = 1e-3", "VARIANCE_FLOOR = 1.0")),
    *_of(
        "segmentation/local.py",
        ("dominant[:, 1:] != dominant[:, :-1]", "dominant[:, 1:] == dominant[:, :-1]"),
        ("candidates = np.flatnonzero(height >= share)", "candidates = np.flatnonzero(height >= 2 * share)"),
        ("blocked[max(0, frame - apart) : frame + apart + 1] = True", "blocked[frame] = True"),
        ("np.lexsort((-nearness[candidates].round(9), -height[candidates].round(9)))", "np.argsort(-height[candidates], kind='stable')"),
        ("(overlap < overlap_onset)\n    runs", "(overlap < 2)\n    runs"),
        ("if seconds < shortest:", "if seconds < 0:"),
        ("wanted = (alone < alone_below)", "wanted = (alone >= alone_below)"),
        ("looked_at[::every] = looked_at[-1] = True", "looked_at[::every] = True"),
        ("looked_at[::every] = looked_at[-1] = True", "looked_at[::50] = looked_at[-1] = True"),
        ("verdicts.append(2 * (share[one] * share[other]).sum(axis=1) - 1)", "verdicts.append((share[one] * share[other]).sum(axis=1))"),
        ("/ np.maximum(np.bincount(index), 1)", "/ 1"),
        ("weight = np.sqrt(seconds[one] * seconds[other])", "weight = seconds[one] * seconds[other]"),
        ("evidence.append(seconds)", "evidence.append(2 * seconds)"),
        ("against = balance.data < 0", "against = balance.data > 0"),
    ),
    *_of(
        "segmentation/stitching.py",
        ("width = max(1, round(smoothing / frame_step))", "width = 1"),
        ("1 + (overlap > overlap_onset), 0)", "1, 0)"),
        ("np.argsort(-active, axis=1", "np.argsort(active, axis=1"),
        ("(speaking > rank) & (active[frames, who] > 0)", "speaking > rank"),
        ("if (chunk, local) in own_label:", "if False:"),
    ),
    *_of(
        "pipelines/overlap.py",
        ("np.column_stack([frames[:, 0], frames[:, 1] - 1])", "np.column_stack([frames[:, 0], frames[:, 1] + 1])"),
        ("np.column_stack([frames[:, 0], frames[:, 1] - 1])", "np.column_stack([frames[:, 0], frames[:, 1]])"),
        ("crowded_speakers(scores, activity, every=settings.crowded_every)", "crowded_speakers(scores, activity, every=50)"),
        ("maximum_speakers=bounds.most,\n    )\n\n\ndef assign", "maximum_speakers=None,\n    )\n\n\ndef assign"),
        ("maximum_speakers=bounds.most,\n    )\n\n\ndef reconstruct", "maximum_speakers=None,\n    )\n\n\ndef reconstruct"),
        ("_joined(features, spans[row] - first)", "_joined(features, spans[row])"),
    ),
    *_of(
        "clustering/agglomerative.py",
        ("highest[merge] = max(highest[merge], highest[child - n])", "highest[merge] = highest[merge]"),
        ("done = highest <= threshold", "done = highest < threshold"),
    ),
    *_of(
        "clustering/constrained.py",
        ("reliability = np.sqrt(seconds / (seconds + self.reliability_seconds))", "reliability = 1.0"),
        ("np.where(verdict > 0, self.bonus, self.penalty)", "np.where(verdict > 0, self.penalty, self.bonus)"),
        ("sums[kept] += sums[gone]", "sums[kept] += 0"),
        ("taken[chunks == chunks[item], labels[item]] = True", "taken[item, labels[item]] = True"),
    ),
    *_of(
        "embeddings/front_end.py",
        ("return kaldi_fbank(waveform, 80)", "return kaldi_fbank(waveform, 80, scale=1.0)"),
        ("return features - features.mean(axis=0, keepdims=True)", "return features"),
        ("return mel_energies(raise_level(waveform))", "return mel_energies(waveform)"),
    ),
    *_of(
        "embeddings/embedder.py",
        ("return _loaded(name, backend)", "return _loaded.__wrapped__(name, backend)"),
        ("good = good[np.argsort(windows[good, 0], kind=\"stable\")]", "good = good[::-1]"),
        ("np.clip(np.asarray(spans, dtype=int).reshape(-1, 2), 0, len(features))", "np.asarray(spans, dtype=int).reshape(-1, 2) + 1"),
    ),
    *_of(
        "streaming/memory.py",
        ("good = np.isfinite(vectors).all(axis=1)", "good = np.ones(len(vectors), dtype=bool)"),
        ("if shared and max(shared)[0] > 0:", "if shared:"),
        ("label, self._overlap_only = self._overlap_only, None", "label = self._overlap_only"),
    ),
    *_of(
        "voiceprints/matching.py",
        ("score >= threshold, *model", "score > threshold, *model"),
        ("    voiceprint.require_consent()\n    claimed", "    claimed"),
        ("good = scores[rows, columns] >= threshold", "good = scores[rows, columns] > -1"),
        ("np.maximum(scores - threshold, 0.0), maximize=True", "scores, maximize=True"),
        ("match.name != voiceprint.name and", ""),
    ),
    *_of(
        "voiceprints/adaptation.py",
        ("moved = within_limit(moved, template, rule.limit)", "moved = moved"),
        ("if score - rival < rule.margin:", "if False:"),
        ("weight = min(rule.step, seconds / (voiceprint.net_speech + seconds))", "weight = rule.step"),
    ),
]  # fmt: skip


def copied(folder: Path) -> Path:
    """A checkout with a package of its own; everything else in it is this one's."""
    for path in ROOT.iterdir():
        if path.name not in ("src", ".git", "_build"):
            (folder / path.name).symlink_to(path)
    shutil.copytree(ROOT / "src", folder / "src", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def passes(module: str, folder: Path) -> bool:
    """Whether the tests of a module pass in a copy."""
    tests = TESTS[module]
    environment = {**os.environ, "PYTHONPATH": f"{folder / 'src'}{os.pathsep}{ROOT / 'tests' / 'offline'}"}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-n0", "-x", "-q", "-W", "ignore", "-p", "no:cacheprovider", *tests],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if run.returncode not in (0, 1):
        raise SystemExit(f"{module}: the tests did not run\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    return run.returncode == 0


def is_killed(mutant: Mutant, folder: Path) -> bool:
    """Whether the tests of its module fail with this one change; the copy is put right again."""
    path = folder / "src" / "diarbook" / mutant.module
    sound = path.read_text(encoding="utf-8")
    path.write_text(sound.replace(mutant.before, mutant.after), encoding="utf-8")
    try:
        return not passes(mutant.module, folder)
    finally:
        path.write_text(sound, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", help="only faults of modules whose path contains one of these")
    wanted = parser.parse_args().modules
    chosen = [one for one in MUTANTS if not wanted or any(word in one.module for word in wanted)]
    survivors = []
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = copied(Path(name))
        for module in dict.fromkeys(mutant.module for mutant in chosen):
            if not passes(module, folder):
                raise SystemExit(f"{module}: its tests fail without any fault; mend them first")
        for number, mutant in enumerate(chosen, 1):
            killed = is_killed(mutant, folder)
            survivors += [] if killed else [mutant]
            line = mutant.before.strip().splitlines()[0]
            print(
                f"{number:3d}/{len(chosen)} {'killed  ' if killed else 'SURVIVED'} {mutant.module}: {line}", flush=True
            )
    seconds = time.monotonic() - start
    print(f"{len(chosen) - len(survivors)} of {len(chosen)} faults found in {seconds:.0f} s")
    sys.exit(bool(survivors))


if __name__ == "__main__":
    main()
