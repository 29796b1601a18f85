"""How a score is taken: what is removed before counting, and when speakers are matched.

Chapter: evaluation
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

from diarbook.errors import OptionError

MAPPINGS = ("before_collar", "after_collar")
REGIONS = ("all", "reference")


@dataclass(frozen=True)
class Protocol:
    """Everything that changes a diarization error rate besides the two annotations.

    Parameters
    ----------
    collar : float
        Seconds removed on EACH side of every reference boundary, so ``0.25`` removes half a second around it.
    skip_overlap : bool
        Leave out the time in which two or more reference speakers talk at once.
    mapping : {"before_collar", "after_collar"}
        Match speakers on the whole scored region, or on what collar and overlap leave of it.
    region : {"all", "reference"}
        What to score where no UEM says so: all that either side mentions, or only the time from the reference's
        first start to its last end.
    skip_marked : bool
        Leave out what NOSCORE and NON-LEX records of the reference mark, by the rules of md-eval.

    Raises
    ------
    OptionError
        When a value is not one of these.

    References
    ----------
    nist2009rt, landini2022vbx

    Chapter: evaluation
    """

    collar: float = 0.0
    skip_overlap: bool = False
    mapping: str = "before_collar"
    region: str = "all"
    skip_marked: bool = False

    def __post_init__(self) -> None:
        if not (math.isfinite(self.collar) and self.collar >= 0):
            raise OptionError(f"collar must be 0 s or more on each side of a boundary, got {self.collar}")
        if self.mapping not in MAPPINGS:
            raise OptionError(f"mapping must be one of {', '.join(MAPPINGS)}, got {self.mapping!r}")
        if self.region not in REGIONS:
            raise OptionError(f"region must be one of {', '.join(REGIONS)}, got {self.region!r}")

    def options(self) -> dict[str, float | bool | str]:
        """The four options that need nothing but turns, as keyword arguments of the metrics."""
        options = asdict(self)
        del options["skip_marked"]
        return options


PRESETS: dict[str, Protocol] = {
    "full": Protocol(),
    "fair": Protocol(collar=0.25),
    "forgiving": Protocol(collar=0.25, skip_overlap=True),
    "nist": Protocol(collar=0.25, region="reference", skip_marked=True),
    "pyannote": Protocol(mapping="after_collar"),
}


def preset(name: str) -> Protocol:
    """Protocol that a paper or a tool uses, by its common name.

    ``full``: no collar, overlap scored. ``fair``: 0.25 s each side, overlap scored. ``forgiving``: 0.25 s each side,
    overlap left out. ``nist``: md-eval as in the Rich Transcription evaluations, 0.25 s each side, the reference's
    extent as region, and what NOSCORE and NON-LEX records mark left out. ``pyannote``: the defaults of
    pyannote.metrics.

    Raises
    ------
    OptionError
        When there is no such preset.

    Examples
    --------
    >>> preset("fair").collar
    0.25

    References
    ----------
    landini2022vbx, nist2009rt, bredin2017metrics

    Chapter: evaluation
    """
    if name not in PRESETS:
        raise OptionError(f"no preset {name!r}; choose one of {', '.join(PRESETS)}")
    return PRESETS[name]


@dataclass(frozen=True)
class ProtocolCard:
    """Under which conditions the numbers of a page were measured; ``diarbook.reader.tables.protocol`` shows it.

    Parameters
    ----------
    data : str
        What is scored, in words.
    tuned_on : str
        On what thresholds and settings were chosen; ``nothing`` when none was.
    models : tuple of str
        Networks of the table, by their names under ``training`` in ``data/models.yaml``, such as ``segmentation-3.0``.
        The card says what each was trained on. Empty when nothing that is scored has learned.
    scoring : Protocol or str
        Or words, where the metric is not a diarization error rate.
    units : str
        What was resampled, and how many independent ones there are.
    more : mapping of str to str
        Further rows, heading to text, such as who gave the speech regions.

    Raises
    ------
    OptionError
        When a field that must say something is empty.

    Examples
    --------
    >>> card = ProtocolCard("2 clips", "nothing", ("silero",), preset("fair"), "2 clips of the same people: 1 unit")
    >>> [heading for heading, text in card.rows()]
    ['Data', 'Tuned on', 'Scoring', 'Units']

    Chapter: evaluation
    """

    data: str
    tuned_on: str
    models: tuple[str, ...]
    scoring: Protocol | str = Protocol()
    units: str = ""
    more: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("data", "tuned_on"):
            if not getattr(self, name).strip():
                raise OptionError(
                    f"a protocol card must say {name!r}; write 'nothing' or 'none' where that is the answer"
                )
        if isinstance(self.models, str):
            raise OptionError(f"models of a protocol card are a tuple of names, got the text {self.models!r}")

    def rows(self) -> list[tuple[str, str]]:
        """Heading and text of each row but the models'."""
        scoring = self.scoring if isinstance(self.scoring, str) else describe(self.scoring)
        rows = [("Data", self.data), ("Tuned on", self.tuned_on), ("Scoring", scoring), ("Units", self.units)]
        return [(heading, text) for heading, text in [*rows, *self.more.items()] if text]


def describe(protocol: Protocol, has_uem: bool = False) -> str:
    """The protocol in words.

    Chapter: evaluation
    """
    collar = f"collar {protocol.collar:g} s on each side of a boundary" if protocol.collar else "no collar"
    overlap = "overlap left out" if protocol.skip_overlap else "overlap scored"
    overlap += ", NOSCORE and NON-LEX left out" * protocol.skip_marked
    if not protocol.collar and not protocol.skip_overlap:
        mapping = "speakers matched over all scored time"
    else:
        mapping = f"speakers matched {protocol.mapping.split('_')[0]} the collar is removed"
    regions = {"all": "all that either side mentions", "reference": "the extent of the reference"}
    region = "the UEM" if has_uem else regions[protocol.region]
    return f"{collar}, {overlap}, {mapping}, region scored: {region}"
