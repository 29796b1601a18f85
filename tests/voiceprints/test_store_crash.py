"""Kill the store's process at random moments: what it acknowledged is there, what it did not is whole or absent."""

import itertools
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time

from diarbook.voiceprints.store import VoiceprintStore

LIVES = 50
OPERATIONS = 10_000  # a slower machine needs more lives for them

PROGRAM = """
import itertools, os, sys
import numpy as np
from datetime import UTC, datetime
from diarbook.voiceprints.store import VoiceprintStore
from diarbook.voiceprints.voiceprint import Consent, Voiceprint
path, life = sys.argv[1:]
given = datetime(2026, 1, 1, tzinfo=UTC)
consent = Consent("agreed", given)
rng = np.random.default_rng(int(life))
tell = lambda *words: os.write(1, (" ".join(words) + "\\n").encode())
with VoiceprintStore(path) as store:
    tell("open")
    for index in itertools.count():
        names = [f"{life}-{index}-{item}" for item in range(4)]
        store.add_many([Voiceprint(name, rng.normal(size=32), "m", "v", 3.0, 1, 1.0, given, consent) for name in names])
        tell("add", *names)
        for name in names:
            assert store.search(store.get(name).vector, model="m", model_version="v")[0].name == name
            tell("search", name)
        if index % 5 == 4:
            store.delete(names[0])
            tell("delete", names[0])
"""


def test_no_acknowledged_write_is_lost(tmp_path):
    moments = random.Random(7)
    path = tmp_path / "voices.db"
    present, operations = set(), 0
    lives = itertools.count()
    while (life := next(lives)) < LIVES or operations < OPERATIONS:
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(path), str(life)], stdout=subprocess.PIPE)
        assert process.stdout.readline() == b"open\n"
        time.sleep(moments.uniform(0.0, 0.8))
        os.kill(process.pid, signal.SIGKILL)
        unfinished = process.stdout.read().decode().split("\n")
        process.wait()
        pending = set()
        for line in unfinished[:-1]:
            act, *names = line.split()
            operations += len(names)
            if act == "add":
                present |= set(names)
                pending = {names[0]}  # its deletion may have happened without a word
            elif act == "delete":
                present -= set(names)
        with VoiceprintStore(path) as store:
            stored = set(store.names())
            assert store._connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        assert not (present - stored) - pending, "an acknowledged enrollment is lost"
        unknown = stored - present
        assert len(unknown) in (0, 4), "a batch was written in part"
        assert all(name.startswith(f"{life}-") for name in unknown)
        present = stored
    for file in (path, path.with_name("voices.db-wal")):
        if file.exists():
            with sqlite3.connect(path) as connection:
                assert connection.execute("SELECT count(*) FROM voiceprint").fetchone()[0] == len(present)
