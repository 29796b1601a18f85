from tests.sphinx.small_book import build

from diarbook.knowledge.cited import cited_file, load_cited


def test_the_page_shows_each_reason_once(tmp_path):
    err, html = build(tmp_path, index="# L\n\n```{cited-left-out}\n```\n")
    assert err == ""
    cited = load_cited(cited_file())
    for reason in {one.left_out for one in cited if one.left_out}:
        assert html["index"].count(f"<strong>{reason[0].upper()}{reason[1:]} (") == 1
