"""Reading and writing the files of the field: RTTM (who spoke when) and UEM (what is scored).

A recording whose lines name one channel is called by its file name. One with several channels, such as a telephone call
with a side on each, is as many recordings, ``call/1`` and ``call/2``: NIST's scorer keeps them apart as well.

Chapter: evaluation
"""

from diarbook.rttm.files import (
    RttmContent,
    format_rttm,
    parse_content,
    parse_rttm,
    parse_uem,
    read_content,
    read_rttm,
    read_rttms,
    read_turns,
    read_uem,
    rttm_name,
    write_rttm,
)
from diarbook.rttm.parse import Mark, name_recordings, parse_regions, seem_milliseconds
from diarbook.rttm.records import read_bytes

__all__ = [
    "Mark",
    "RttmContent",
    "format_rttm",
    "name_recordings",
    "parse_content",
    "parse_regions",
    "parse_rttm",
    "parse_uem",
    "read_bytes",
    "read_content",
    "read_rttm",
    "read_rttms",
    "read_turns",
    "read_uem",
    "rttm_name",
    "seem_milliseconds",
    "write_rttm",
]
