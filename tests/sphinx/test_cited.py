from tests.sphinx.small_book import API, BIBLIOGRAPHY, GLOSSARY, build

from diarbook.knowledge.cited import cited_file, load_cited


def test_the_page_shows_each_reason_once(tmp_path):
    index = "# F\n\n```{toctree}\nleft\napi\nb\nglossary\n```\n"
    page = "# L\n\n```{cited-left-out}\n```\n"
    err, html = build(tmp_path, index=index, left=page, api=API, b=BIBLIOGRAPHY, glossary=GLOSSARY)
    assert err == ""
    cited = load_cited(cited_file())
    for reason in {one.left_out for one in cited if one.left_out}:
        assert html["left"].count(f"<strong>{reason[0].upper()}{reason[1:]} (") == 1
