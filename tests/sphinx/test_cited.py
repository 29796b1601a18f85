from tests.sphinx.small_book import CITED, build

from diarbook.knowledge.cited import cited_file, load_cited
from diarbook.knowledge.references import load_references


def test_the_page_shows_each_reason_once_and_what_was_not_opened(tmp_path):
    page = "# L\n\n```{references-unopened}\n```\n\n```{cited-left-out}\n```\n\n"
    err, html = build(tmp_path, index=page + CITED.removeprefix("# B\n\n"))
    assert err == ""
    cited = load_cited(cited_file())
    for reason in {one.left_out for one in cited if one.left_out}:
        assert html["index"].count(f"<strong>{reason[0].upper()}{reason[1:]} (") == 1
    references = load_references()
    closed = {key for key, one in references.items() if not one.opened}
    assert f"Of {len(references)} entries, {len(references) - len(closed)} were opened" in html["index"]
    assert html["index"].count('<div class="citation"') == len(closed)
