import inspect
import pkgutil
from types import SimpleNamespace

import diarbook
from diarbook.sphinx.api import UNDOCUMENTED, complete_docstring, public_modules

APP = SimpleNamespace(env=SimpleNamespace(found_docs={"notebooks/vad"}))


def completed(docstring):
    lines = inspect.cleandoc(docstring).split("\n")
    complete_docstring(APP, "function", "f", None, None, lines)
    return "\n".join(line for line in lines if line)


def test_keys_become_citations_and_the_chapter_a_link():
    text = """Sum.

    References
    ----------
    some2000body, other2001
    third1999

    Chapter: vad
    """
    assert (
        completed(text)
        == "Sum.\nSources: :cite:p:`some2000body,other2001,third1999`.\nChapter: :doc:`vad </notebooks/vad>`."
    )
    assert completed("Sum.\n\nChapter: eend\n") == "Sum.\nChapter: eend."


def test_an_example_after_the_references_is_no_key():
    text = """Sum.

    References
    ----------
    some2000body

    Examples
    --------
    >>> f([1, 2])
    3

    Chapter: vad
    """
    cited, chapter = "Sources: :cite:p:`some2000body`.", "Chapter: :doc:`vad </notebooks/vad>`."
    assert completed(text).split("\n") == ["Sum.", cited, "Examples", "--------", ">>> f([1, 2])", "3", chapter]


def test_public_modules_are_those_that_a_walk_through_the_packages_gives():
    names = public_modules()
    walked = {info.name for info in pkgutil.walk_packages(diarbook.__path__, "diarbook.")}
    assert set(names) <= walked
    left_out = walked - set(names)
    assert all(name.startswith(UNDOCUMENTED) or name.rpartition(".")[2].startswith("_") for name in left_out)
