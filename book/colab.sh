#!/usr/bin/env bash
# Sets up the book's package in Google Colab; the first cell of each notebook runs it. Running it again does no harm.
#
# Colab's own torch, torchaudio and numpy stay: pip is held to the versions that are installed, so the kernel that runs
# this keeps working. DIARBOOK_SOURCE may name another source of the package, such as a fork or a folder.
set -euo pipefail

source="${DIARBOOK_SOURCE:-git+https://github.com/kb4ai/speaker-diarization-pub-kb@main}"
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

fail() {
  echo "diarbook: the set-up failed while $1:" >&2
  tail -n 5 "$scratch/log" >&2
  exit 1
}

python3 - >"$scratch/constraints.txt" <<'PYTHON'
from importlib.metadata import PackageNotFoundError, version

for name in ("torch", "torchaudio", "torchvision", "numpy"):
    try:
        print(f"{name}=={version(name)}")
    except PackageNotFoundError:
        pass
PYTHON

if ! python3 -c 'import diarbook, myst_nb' 2>/dev/null; then
  python3 -m pip install --quiet --disable-pip-version-check --constraint "$scratch/constraints.txt" \
    "diarbook[notebooks] @ $source" >"$scratch/log" 2>&1 || fail "installing the package"
fi
python3 -m diarbook fetch --quiet >"$scratch/log" 2>&1 || fail "fetching models and recordings"
echo "diarbook is ready: $(tr '\n' ' ' <"$scratch/constraints.txt")kept."
