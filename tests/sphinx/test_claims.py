from collections import Counter

from tests.pages import ROOT
from tests.sphinx.small_book import CITED, bare_glossary, build

from diarbook.knowledge.claims import load_claims


def test_the_page_builds_without_warnings(tmp_path):
    ledger = load_claims()
    page = (ROOT / "book" / "claims.md").read_text(encoding="utf-8")
    toc = "\n```{toctree}\nglossary\nbibliography\n```\n"
    index = page + toc + "\n{ref}`one <claim-c001>`\n"
    said, pages = build(tmp_path, index=index, glossary=bare_glossary(), bibliography=CITED)
    assert said == ""
    html = pages["index"]
    assert f"{len(ledger)} claims" in html
    assert html.count('<div class="wsw-claim ') == len(ledger)
    assert all(f'id="claim-{name}"' in html for name in ledger)
    for verdict, number in Counter(claim.verdict for claim in ledger.values()).items():
        name = verdict.replace(" ", "-")
        assert f'wsw-verdict-{name}">{verdict}</span> <span class="wsw-count">{number}</span>' in html
    assert 'src="_static/wsw-claims.js' in html
    assert "wsw-claims" not in pages["glossary"]
