import pytest
from tests.sphinx.small_book import CITED, bare_glossary, build

from diarbook.knowledge.landscape import KINDS, load_landscape
from diarbook.sphinx.landscape import COLUMNS, cell, shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "?"),
        (True, "yes"),
        (16000, "16,000"),
        (2024, "2024"),
        (["a", None], "a; ?"),
        ({"code": "MIT", "weights": None}, "code: MIT, weights: ?"),
        (63.5, "63.5"),
    ],
)
def test_values_as_a_reader_sees_them(value, text):
    assert shown(value) == text


@pytest.mark.parametrize("kind", KINDS)
def test_every_cell_of_the_overview_has_a_text(kind):
    assert all(cell(entry, key) for entry in load_landscape(kind) for key in COLUMNS[kind])


def test_the_pages_build_without_warnings(tmp_path):
    pages = {f"the_{kind}": f"# {kind}\n\n```{{landscape}} {kind}\n```\n" for kind in KINDS}
    names = "\n".join([*pages, "terms", "cited"])
    index = f"# F\n\n```{{toctree}}\n{names}\n```\n"
    err, html = build(tmp_path, index=index, terms=bare_glossary(), cited=CITED, **pages)
    assert err == ""
    for kind in KINDS:
        for entry in load_landscape(kind):
            assert f'id="landscape-{entry.id}"' in html[f"the_{kind}"]
            assert f'href="#landscape-{entry.id}"' in html[f"the_{kind}"]
        assert f"{len(load_landscape(kind))} entries, last checked between" in html[f"the_{kind}"]
        assert len(html[f"the_{kind}"]) < 1_000_000
