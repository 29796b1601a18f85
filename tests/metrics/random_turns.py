"""Random annotations for the tests of the metrics."""

import numpy as np
from hypothesis import strategies as st

from diarbook.turns import Turn, merge

# Times are whole hundredths of a second, so that boundaries often coincide.
times = st.integers(0, 2000).map(lambda hundredths: hundredths / 100)


@st.composite
def turns(draw, speakers="ABC", most=8, least=0):
    rows = draw(
        st.lists(st.tuples(times, st.integers(0, 500), st.sampled_from(speakers)), min_size=least, max_size=most)
    )
    return [Turn(start, start + length / 100, speaker) for start, length, speaker in rows]


references, hypotheses = turns("ABC"), turns("wxyz")

collars = st.sampled_from([0.0, 0.1, 0.25])
protocols = st.fixed_dictionaries(
    {
        "collar": collars,
        "skip_overlap": st.booleans(),
        "mapping": st.sampled_from(["before_collar", "after_collar"]),
        "region": st.sampled_from(["all", "reference"]),
    }
)


def conversation(rng, speakers=4, count=20, seconds=60.0, prefix="s", longest=2.0):
    """Merged turns at random continuous times, so that no boundary coincides with another."""
    starts, lengths = rng.uniform(0, seconds, count), rng.exponential(longest, count) + 0.01
    who = rng.integers(0, speakers, count)
    return merge(
        Turn(float(start), float(start + length), f"{prefix}{speaker}")
        for start, length, speaker in zip(starts, lengths, who, strict=True)
    )


def seeded(seed):
    return np.random.default_rng(seed)
