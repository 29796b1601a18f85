"""The cheat sheet on paper: one sheet."""

import re

import pytest
from tests.pages import HTML, toc_files

pytestmark = [pytest.mark.browser, pytest.mark.book]
PAGE = "book/cheat-sheet"


@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.skipif(PAGE not in toc_files(), reason="the cheat sheet is not in the table of contents")
def test_it_fits_on_one_sheet(browser, paper):
    page = browser.new_page()
    page.goto((HTML / f"{PAGE}.html").as_uri())
    # Equations are drawn when the page is printed; without them it would be shorter.
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.wait_for_selector("mjx-container svg", timeout=60_000)
    edge = "7mm"
    margin = {"top": edge, "bottom": edge, "left": edge, "right": edge}
    data = page.pdf(format=paper, landscape=True, margin=margin)
    page.close()
    assert len(re.findall(rb"/Type\s*/Page\b", data)) == 1
