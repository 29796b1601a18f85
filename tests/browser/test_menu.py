"""The buttons that open the list of pages and the contents of a page, pressed on a phone and on a desktop."""

from __future__ import annotations

import pytest
from tests.pages import HTML

pytestmark = [pytest.mark.browser, pytest.mark.book]

SIZES = {"desktop": (1280, 900), "tablet": (820, 1180), "phone": (390, 844)}
PAGE = "book/how-to-use"


@pytest.fixture(params=SIZES)
def size(request):
    return request.param


@pytest.fixture
def page(browser, size):
    opened = browser.new_page(viewport=dict(zip(("width", "height"), SIZES[size], strict=True)))
    opened.goto((HTML / f"{PAGE}.html").as_uri())
    opened.wait_for_load_state("load")
    yield opened
    opened.close()


def seen(page, kind: str):
    """The part of the page that a button opens: a dialog where the page is narrow, its column where it is wide."""
    return page.locator(f"#pst-{kind}-sidebar-modal[open], #pst-{kind}-sidebar").first


def is_there(page, kind: str) -> bool:
    box = seen(page, kind).bounding_box()
    return seen(page, kind).is_visible() and box is not None and box["x"] + box["width"] > 1


def press(page, kind: str) -> None:
    page.locator(f".{kind}-toggle:visible").click()
    page.wait_for_timeout(600)


def test_only_the_buttons_that_are_seen_are_there(page):
    for kind in ("primary", "secondary"):
        assert page.locator(f".{kind}-toggle").count() == 1


def test_the_menu_opens_and_closes(page, size):
    links = page.locator(".sbt-sidebar-nav a:visible, .bd-links a:visible, .bd-docs-nav a:visible")
    before = is_there(page, "primary")
    assert before is (size == "desktop")
    press(page, "primary")
    assert is_there(page, "primary") is not before
    if before:
        press(page, "primary")
        assert is_there(page, "primary")
    else:
        assert links.count() > 0
        page.keyboard.press("Escape")
        page.wait_for_timeout(600)
        assert not is_there(page, "primary")


@pytest.mark.parametrize("size", ["tablet", "phone"], indirect=True)
def test_a_page_is_reached_through_the_menu(page, size):
    press(page, "primary")
    link = page.locator("#pst-primary-sidebar-modal a.reference.internal:visible").first
    name = link.get_attribute("href").partition("#")[0].rpartition("/")[2]
    link.click()
    page.wait_for_load_state("load")
    assert page.url.partition("#")[0].endswith(name or f"{PAGE.rpartition('/')[2]}.html")


def test_the_contents_open_and_close(page, size):
    button = page.locator(".secondary-toggle")
    if size == "desktop":
        assert not button.is_visible()
        assert is_there(page, "secondary")
        return
    assert not is_there(page, "secondary")
    press(page, "secondary")
    assert is_there(page, "secondary")
    assert page.locator("#pst-secondary-sidebar-modal a:visible").count() > 0
    page.keyboard.press("Escape")
    page.wait_for_timeout(600)
    assert not is_there(page, "secondary")
