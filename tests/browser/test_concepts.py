"""Hover definitions, concept map and rosetta table of the built book in Chromium, opened from the disk."""

from __future__ import annotations

import re

import pytest
from tests.pages import HTML

pytestmark = [pytest.mark.browser, pytest.mark.book]

WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
TERMS = "article a[href*='glossary.html#term-']"
MAP = "wsw-concept-map"

INSIDE = """(tip) => {
  const box = tip.getBoundingClientRect(), page = document.documentElement;
  return box.left >= 0 && box.top >= 0 && box.right <= page.clientWidth && box.bottom <= page.clientHeight;
}"""
# Labels that cover each other, of those that the map has drawn.
PILED = """(map) => {
  const boxes = [...map.labels, ...map.names], piled = [];
  boxes.forEach((a, i) => boxes.slice(i + 1).forEach((b) => {
    if (a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h) piled.push([a, b]);
  }));
  return piled.length;
}"""


@pytest.fixture
def visit(browser):
    """Open a page of the book; afterwards nothing may have failed, and nothing may have been asked of another host."""
    contexts, faults = [], []

    def make(name, width="desktop", touch=False):
        size = dict(zip(("width", "height"), WIDTHS[width], strict=True))
        contexts.append(browser.new_context(viewport=size, has_touch=touch))
        page = contexts[-1].new_page()
        page.add_init_script("localStorage.setItem('mode','light');localStorage.setItem('theme','light')")
        page.on(
            "request", lambda request: request.url.startswith(("file:", "data:", "blob:")) or faults.append(request)
        )
        page.on("console", lambda message: message.type in ("error", "warning") and faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto((HTML / f"{name}.html").as_uri())
        page.wait_for_load_state("load")
        page.wait_for_timeout(200)
        return page

    yield make
    for context in contexts:
        context.close()
    assert faults == []


@pytest.mark.parametrize("width", WIDTHS)
def test_the_pointer_shows_a_definition_that_stays_on_the_page(visit, width):
    page = visit("notebooks/evaluation", width)
    tip = page.locator(".wsw-tip")
    links = page.locator(TERMS)
    for number in range(0, links.count(), max(1, links.count() // 6)):
        link = links.nth(number)
        link.scroll_into_view_if_needed()
        link.hover()
        tip.wait_for(state="visible")
        page.wait_for_function("() => document.querySelector('.wsw-tip span').textContent.endsWith('.')")
        assert link.get_attribute("aria-describedby") == "wsw-tip-text"
        assert tip.evaluate(INSIDE)
        page.keyboard.press("Escape")
        assert tip.is_hidden()
        assert link.get_attribute("aria-describedby") is None


def test_the_definition_stays_under_the_pointer_and_goes_when_it_leaves(visit):
    page = visit("notebooks/vad")
    tip = page.locator(".wsw-tip")
    link = page.locator(TERMS).nth(3)
    link.hover()
    tip.wait_for(state="visible")
    tip.hover()
    page.wait_for_timeout(500)
    assert tip.is_visible()
    page.mouse.move(5, 5)
    tip.wait_for(state="hidden")


def test_the_keyboard_shows_a_definition(visit):
    page = visit("notebooks/vad")
    link = page.locator(TERMS).nth(3)
    link.evaluate("""(link) => {
      const before = document.createElement('button');
      before.id = 'before';
      link.before(before);
    }""")
    page.locator("#before").focus()
    page.keyboard.press("Tab")
    tip = page.locator(".wsw-tip")
    tip.wait_for(state="visible")
    assert link.evaluate("(link) => link === document.activeElement")
    assert tip.evaluate(INSIDE)
    page.keyboard.press("Escape")
    tip.wait_for(state="hidden")
    page.keyboard.press("Enter")
    page.wait_for_url("**/glossary.html#term-*")


def test_the_first_tap_shows_and_the_link_in_it_follows(visit):
    page = visit("notebooks/vad", "phone", touch=True)
    page.wait_for_function("() => globalThis.wswTerms")
    link = page.locator(TERMS).nth(3)
    link.scroll_into_view_if_needed()
    link.tap()
    tip = page.locator(".wsw-tip")
    tip.wait_for(state="visible")
    assert "vad.html" in page.url
    assert tip.evaluate(INSIDE)
    page.locator("article h1").dispatch_event("pointerdown")
    tip.wait_for(state="hidden")
    link.tap()
    tip.locator("a").tap()
    page.wait_for_url("**/glossary.html#term-*")


def view(page):
    return page.locator(MAP).evaluate("(map) => ({ ...map.view })")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_map_moves_and_its_labels_do_not_pile(visit, width):
    page = visit("book/concept-map", width)
    canvas = page.locator(f"{MAP} canvas")
    canvas.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    assert page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 1
    element = page.locator(MAP)
    first = view(page)
    drawn = element.evaluate("(map) => map.labels.length")
    assert drawn >= 5
    assert element.evaluate(PILED) == 0
    box = canvas.bounding_box()
    middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(*middle)
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(200)
    wheeled = view(page)
    assert wheeled["k"] > first["k"]
    page.mouse.down()
    page.mouse.move(middle[0] + 60, middle[1] + 20, steps=3)
    page.mouse.up()
    dragged = view(page)
    assert dragged["x"] < wheeled["x"]
    canvas.focus()
    for key, name, sign in (("ArrowRight", "x", 1), ("ArrowUp", "y", -1), ("+", "k", 1), ("-", "k", -1)):
        before = view(page)
        page.keyboard.press(key)
        assert (view(page)[name] - before[name]) * sign > 0
    for _ in range(3):
        page.keyboard.press("+")
        page.wait_for_timeout(100)
        assert element.evaluate(PILED) == 0
    page.keyboard.press("0")
    assert view(page)["k"] <= first["k"] + 1e-9


def test_the_map_by_keyboard_opens_pages(visit):
    page = visit("book/concept-map")
    page.locator(f"{MAP} canvas").focus()
    card = page.locator(f"{MAP} .card")
    page.keyboard.press("Enter")
    assert card.is_visible()
    before = card.locator("h3").inner_text()
    page.keyboard.press("Shift+ArrowRight")
    assert card.locator("h3").inner_text() != before
    page.keyboard.press("Escape")
    assert card.is_hidden()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/glossary.html#term-*")


@pytest.mark.parametrize("width", WIDTHS)
def test_search_and_click_open_a_concept_and_its_chapter(visit, width):
    page = visit("book/concept-map", width)
    field = page.locator(f"{MAP} input")
    field.fill("voice activity det")
    option = page.locator(f"{MAP} [role=option]").first
    assert option.inner_text().startswith("voice activity detection")
    field.press("ArrowDown")
    assert field.get_attribute("aria-activedescendant") == option.get_attribute("id")
    field.press("Enter")
    card = page.locator(f"{MAP} .card")
    assert card.locator("h3").inner_text() == "voice activity detection"
    page.wait_for_timeout(300)
    element = page.locator(MAP)
    card.locator(".close").click()
    spot = element.evaluate(
        """(map) => {
          const node = map.nodes.find((n) => n.id === 'voice-activity-detection');
          return map.screen(node.x, node.y - map.lift(node));
        }"""
    )
    page.locator(f"{MAP} canvas").click(position={"x": spot[0], "y": spot[1]})
    assert card.locator("h3").inner_text() == "voice activity detection"
    assert card.locator("[data-to]").count() > 1
    card.locator("a", has_text="Page:").click()
    page.wait_for_url("**/notebooks/vad.html")


def test_filters_hide_concepts_in_map_and_list(visit):
    page = visit("book/concept-map")
    count = "(map) => map.nodes.filter((n, i) => map.shown(i)).length"
    element = page.locator(MAP)
    every = element.evaluate(count)
    page.locator(f"{MAP} .schemes button", has_text="Methods").click()
    some = element.evaluate(count)
    assert some < every
    page.locator(f"{MAP} select").select_option(index=2)
    few = element.evaluate(count)
    assert few < some
    page.locator(f"{MAP} [data-view=list]").click()
    assert page.locator(f"{MAP} li[data-id]:visible").count() == few
    assert re.fullmatch(rf"{few} of {every} concepts shown", page.locator(f"{MAP} [role=status]").inner_text())


def test_the_list_is_there_without_scripts(browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((HTML / "book" / "concept-map.html").as_uri())
    assert page.locator(".wsw-map-list li a").count() > 100
    assert page.locator(".wsw-map-list li").first.is_visible()
    context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_first_column_of_the_rosetta_table_stays(visit, width):
    page = visit("book/rosetta", width)
    box = page.locator(".wsw-rosetta .pst-scrollable-table-container")
    cell = page.locator(".wsw-rosetta tbody tr").nth(1).locator("th, td").first
    before = cell.bounding_box()["x"]
    box.evaluate("(box) => { box.scrollLeft = 300; }")
    assert box.evaluate("(box) => box.scrollLeft") == 300
    assert cell.bounding_box()["x"] == pytest.approx(before, abs=1)
    assert page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 1
    assert cell.bounding_box()["width"] < WIDTHS[width][0] * 0.4
