"""Every page of the built book in Chromium, at desktop and at phone width, opened from the disk.

`make book` builds `_build/html`; `make test` runs these where the book is built and Chromium is found, and says so
where not (tests/conftest.py). `pytest tests/browser` runs them alone.
"""

from __future__ import annotations

import re

import pytest
from tests.pages import HTML, toc_files, transferred

pytestmark = [pytest.mark.browser, pytest.mark.book]

PAGES = toc_files()
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}

# What sticks out of the page on the right, outside any box that scrolls.
WIDE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width + 1) return [];
  const boxes = ['auto', 'scroll', 'hidden', 'clip'];
  const hidden = (e) => e && (boxes.includes(getComputedStyle(e).overflowX) || hidden(e.parentElement));
  return [...document.body.querySelectorAll('*')]
    .filter((e) => e.getBoundingClientRect().right > width + 1 && !hidden(e.parentElement))
    .map((e) => e.tagName + '.' + e.className).slice(0, 5);
}"""

CONTRAST = """(selectors) => {
  const probe = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const rgb = (c) => { probe.clearRect(0, 0, 1, 1); probe.fillStyle = c; probe.fillRect(0, 0, 1, 1);
    const d = probe.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255]; };
  const linear = (v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = (c) => { const l = c.slice(0, 3).map((v) => linear(v / 255));
    return 0.2126 * l[0] + 0.7152 * l[1] + 0.0722 * l[2]; };
  const ground = (e) => {
    for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor); if (c[3] > 0.99) return c; }
    return [255, 255, 255, 1]; };
  const result = {};
  for (const selector of selectors) for (const e of [...document.querySelectorAll(selector)].slice(0, 40)) {
    if (!e.checkVisibility() || !e.innerText || !e.innerText.trim()) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (!(selector in result) || ratio < result[selector]) result[selector] = ratio;
  }
  return result;
}"""

TEXTS = [
    "article p",
    "article h1",
    "article h2",
    "article li",
    "article a",
    "article dt",
    "article code.literal",
    "article th",
    "article td",
    "article figcaption",
    ".highlight pre span",
    ".wsw-source pre span",
    ".bd-sidebar-primary a",
    ".bd-sidebar-primary .caption-text",
    ".wsw-badge",
    "summary",
]


class Visit:
    """A page that records what it asks for and what it complains about."""

    def __init__(self, browser, width="desktop", theme="light"):
        size = dict(zip(("width", "height"), WIDTHS[width], strict=True))
        self.page = browser.new_page(viewport=size, color_scheme=theme)
        self.requests, self.complaints = [], []
        self.page.add_init_script(f"localStorage.setItem('mode','{theme}');localStorage.setItem('theme','{theme}')")
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on(
            "console", lambda message: message.type in ("error", "warning") and self.complaints.append(message.text)
        )
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, name: str, query: str = ""):
        self.page.goto((HTML / f"{name}.html").as_uri() + query)
        self.page.wait_for_load_state("load")
        return self.page

    @property
    def foreign(self) -> list[str]:
        return [url for url in self.requests if not url.startswith(("file:", "data:", "blob:"))]


@pytest.fixture
def visit(browser):
    opened = []

    def make(width="desktop", theme="light"):
        opened.append(Visit(browser, width, theme))
        return opened[-1]

    yield make
    for one in opened:
        one.page.close()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_page(visit, name, width):
    one = visit(width)
    page = one.open(name)
    equations = page.locator("article .math").count()
    if equations:
        page.locator("article .math").first.scroll_into_view_if_needed()
        page.wait_for_function("() => document.querySelectorAll('article .math mjx-container').length > 0")
        page.evaluate("() => MathJax.startup.promise")
        assert page.locator("article .math:not(:has(mjx-container))").count() == 0, "an equation is not rendered"
        assert page.locator("mjx-merror, [data-mjx-error]").count() == 0, "MathJax reports an error"
        numbers = [int(re.search(r"\d+", text)[0]) for text in page.locator("article .eqno").all_inner_texts()]
        assert numbers == list(range(1, len(numbers) + 1)), "equations are numbered within their chapter"
    page.wait_for_timeout(150)
    assert one.foreign == []
    assert one.complaints == []
    assert page.evaluate(WIDE) == []
    assert page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 1
    nameless = "e => e.filter(x => !x.hasAttribute('alt') && !x.closest('.navbar-brand')).map(x => x.src.slice(0, 80))"
    assert page.eval_on_selector_all("img", nameless) == []
    for label in page.eval_on_selector_all(
        "article svg[role=img]:not([aria-hidden])", "e => e.map(x => x.getAttribute('aria-label') || '')"
    ):
        assert label.strip()
    page.wait_for_function("() => [...document.querySelectorAll('wsw-timeline')].every((e) => e.ready && e.shadowRoot)")


@pytest.mark.parametrize("name", [page for page in PAGES if page.startswith("book/")])
def test_reference_pages_are_light(visit, name):
    one = visit()
    one.open(name).wait_for_timeout(300)
    assert transferred(one.requests) < 1_500_000


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_text_has_contrast(visit, name, theme):
    page = visit("desktop", theme).open(name)
    assert page.evaluate("() => document.documentElement.dataset.theme") == theme
    page.wait_for_timeout(300)
    page.evaluate("() => document.querySelectorAll('details').forEach(d => { d.open = true; })")
    ratios = page.evaluate(CONTRAST, TEXTS)
    assert ratios
    assert {selector: ratio for selector, ratio in ratios.items() if ratio < 4.5} == {}


def timeline(page):
    element = page.locator("wsw-timeline:has(audio)").first
    element.scroll_into_view_if_needed()
    return element


def position(element) -> float:
    return float(re.search(r"left: ([\d.]+)%", element.locator("u").get_attribute("style"))[1])


@pytest.mark.parametrize("width", WIDTHS)
def test_timeline_plays_and_its_cursor_follows(visit, width):
    one = visit(width)
    element = timeline(one.open("book/preface"))
    before = position(element)
    element.locator(".go").click()
    one.page.wait_for_timeout(700)
    middle = position(element)
    one.page.wait_for_timeout(500)
    element.locator(".go").click()
    one.page.wait_for_timeout(300)  # the last frame is drawn after the pause is asked for
    after = position(element)
    assert before < middle < after
    one.page.wait_for_timeout(400)
    assert position(element) == after
    assert one.complaints == []


def test_click_plays_one_turn_and_stops_at_its_end(visit):
    one = visit()
    element = timeline(one.open("book/preface"))
    turns = element.locator(".turns button")
    lengths = turns.evaluate_all("e => e.map(b => b.dataset.e - b.dataset.s)")
    shortest = turns.nth(lengths.index(min(lengths)))
    start, end = (float(shortest.get_attribute(f"data-{edge}")) for edge in "se")
    shortest.click()
    one.page.wait_for_timeout(150)
    assert element.evaluate("e => e.querySelector('audio').currentTime") >= start - 0.02
    one.page.wait_for_function("() => document.querySelector('wsw-timeline audio').paused", timeout=8000)
    stopped = element.evaluate("e => e.querySelector('audio').currentTime")
    assert end - 0.05 <= stopped <= end + 0.3


def test_timeline_by_keyboard(visit):
    one = visit()
    element = timeline(one.open("book/preface"))
    time = "e => e.querySelector('audio').currentTime"
    active = "e => e.shadowRoot.activeElement.getAttribute('aria-label')"
    element.locator(".wave").focus()
    for key, wanted in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("Shift+ArrowRight", 6), ("Home", 0)):
        one.page.keyboard.press(key)
        assert element.evaluate(time) == pytest.approx(wanted, abs=0.01)
    one.page.keyboard.press("Space")
    one.page.wait_for_function("() => !document.querySelector('wsw-timeline audio').paused")
    one.page.keyboard.press("Space")
    one.page.keyboard.press("Tab")
    first = element.evaluate(active)
    one.page.keyboard.press("ArrowRight")
    second = element.evaluate(active)
    one.page.keyboard.press("ArrowDown")
    below = element.evaluate(active)
    assert first.split(",")[0] == second.split(",")[0] != below.split(",")[0]
    assert first != second


def test_sound_is_as_long_as_the_page_says(visit):
    page = visit().open("book/preface")
    told, decoded = timeline(page).evaluate(
        """async (e) => {
          const data = await (await fetch(e.querySelector('audio').src)).arrayBuffer();
          const sound = await new OfflineAudioContext(1, 16000, 16000).decodeAudioData(data);
          return [+e.dataset.duration, sound.duration];
        }"""
    )
    assert decoded == pytest.approx(told, abs=0.03)


def test_picture_is_there_without_scripts(browser):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((HTML / "book" / "preface.html").as_uri())
    lanes = page.locator("wsw-timeline .turns")
    assert lanes.count() > 1
    assert lanes.first.bounding_box()["height"] > 10
    assert page.locator("wsw-timeline audio").first.is_visible()
    context.close()


def test_search_finds_a_word(visit):
    one = visit()
    page = one.open("search", "?q=diarization")
    page.wait_for_selector("#search-results ul.search li a")
    assert page.locator("#search-results ul.search li").count() > 2
    page.locator("#search-results ul.search li a").first.click()
    page.wait_for_selector("article h1")
    assert one.foreign == []
    assert one.complaints == []


def test_theme_button_changes_the_theme(visit):
    page = visit().open("book/preface")
    ground = "() => getComputedStyle(document.body).backgroundColor"
    shadow = "document.querySelector('wsw-timeline').shadowRoot"
    card = f"() => getComputedStyle({shadow}.querySelector('.card')).backgroundColor"
    before = page.evaluate(ground), page.evaluate(card)
    for _ in range(3):
        page.locator(".theme-switch-button:visible").first.click()
        if page.evaluate("() => document.documentElement.dataset.theme") == "dark":
            break
    assert page.evaluate("() => document.documentElement.dataset.theme") == "dark"
    page.wait_for_timeout(300)
    after = page.evaluate(ground), page.evaluate(card)
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_code_has_copy_buttons(visit):
    page = visit().open("book/how-to-use")
    assert page.locator(".highlight button.copybtn").count() == page.locator(".highlight pre").count() > 0


def test_outputs_work_in_a_notebook_application(visit, tmp_path):
    """JupyterLab and Colab insert an output as inner HTML and then run its scripts."""
    import numpy as np

    from diarbook.reader import listen, plots, source
    from diarbook.turns import Turn

    turns = [Turn(0, 1, "a"), Turn(1, 2, "b")]
    fig, axes = plots.figure()
    plots.timeline(axes, {"reference": turns}, 2.0)
    noise = np.random.default_rng(0).normal(scale=0.1, size=32_000)
    player = listen.player_html(noise, {"reference": turns}, "Noise")
    outputs = [player, plots.figure_html(fig, "two turns"), player, source.source_html(Turn)]
    one = visit()
    page = one.page
    (tmp_path / "empty.html").write_text("<!doctype html><title>notebook</title><body></body>", encoding="utf-8")
    page.goto((tmp_path / "empty.html").as_uri())
    page.evaluate(
        """(outputs) => {
          document.body.dataset.jpThemeLight = 'false';
          for (const output of outputs) {
            const box = document.createElement('div');
            box.innerHTML = output;
            document.body.append(box);
            for (const old of box.querySelectorAll('script')) {
              const script = document.createElement('script');
              script.textContent = old.textContent;
              old.replaceWith(script);
            }
          }
        }""",
        outputs,
    )
    page.wait_for_function("() => [...document.querySelectorAll('wsw-timeline')].every(e => e.ready)")
    card = "e => getComputedStyle(e.shadowRoot.querySelector('.card')).backgroundColor"
    assert page.locator("wsw-timeline").first.evaluate(card) == "rgb(22, 27, 34)"
    box = page.locator(".wsw-figure > div").evaluate("e => getComputedStyle(e).backgroundColor")
    assert box == "rgb(22, 27, 34)"
    page.locator("wsw-timeline .turns button").nth(1).click()
    page.wait_for_function("() => document.querySelector('wsw-timeline audio').currentTime > 1.05")
    # Chromium notes that inner HTML does not parse a declarative shadow root: the script attaches it.
    assert [text for text in one.complaints if "declarative" not in text] == []
    assert one.foreign == []


@pytest.mark.parametrize("width", WIDTHS)
def test_the_landscape_s_table_is_filtered_and_sorted(visit, width):
    one = visit(width)
    page = one.open("book/landscape/models")
    table = page.locator("table.wsw-landscape")
    rows = table.locator("tbody tr")
    total = rows.count()
    page.get_by_label("Filter the table").fill("sortformer streaming")
    visible = rows.locator("visible=true")
    assert 0 < visible.count() < total
    assert all("sortformer" in text.lower() for text in visible.all_inner_texts())
    page.get_by_label("Filter the table").fill("")
    year = table.get_by_role("button", name="Year")
    year.focus()
    page.keyboard.press("Enter")
    years = [int(text) for text in rows.locator("td:last-child").all_inner_texts() if text.strip() != "?"]
    assert years == sorted(years)
    year.click()
    assert [int(t) for t in rows.locator("td:last-child").all_inner_texts() if t.strip() != "?"] == years[::-1]
    assert one.complaints == []
    assert one.foreign == []
