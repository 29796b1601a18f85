"""The playground in Chromium: its arithmetic against the Python scorer, and every way of editing."""

from __future__ import annotations

import json

import numpy as np
import pytest

from diarbook.metrics import diarization_error, error_timeline
from diarbook.reader.playground import playground, script
from diarbook.rttm import read_rttm
from diarbook.turns import Turn

pytestmark = pytest.mark.browser

# What reaches out of the box, outside the lanes, which scroll.
CUT_OFF = """[...element.shadowRoot.querySelectorAll('header *,.options *,.tools *,.inspector *,.mapping *,details *')]
  .filter(node => node.getBoundingClientRect().right > element.getBoundingClientRect().right - 2)
  .map(node => node.className || node.tagName).filter(name => name !== 'SUMMARY' && name !== 'body')"""
REFERENCE = [Turn(1.0, 4.0, "ann"), Turn(4.0, 6.0, "bob"), Turn(7.0, 9.0, "ann")]
HYPOTHESIS = [Turn(1.0, 4.0, "x"), Turn(4.5, 6.0, "y"), Turn(7.0, 9.0, "y")]


def tone(seconds: float = 10.0) -> np.ndarray:
    time = np.arange(int(16_000 * seconds)) / 16_000
    return (0.3 * np.sin(2 * np.pi * 220 * time) * (1 + np.sin(2 * np.pi * 0.7 * time)) / 2).astype(np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("playground")
    case = playground(tone(), REFERENCE, HYPOTHESIS, "Ann and Bob", name="talk")
    for theme in ("light", "dark"):
        (folder / f"{theme}.html").write_text(case.page(theme), encoding="utf-8")
    return folder


class Driven:
    """A page with one playground, its console and its requests."""

    def __init__(self, browser, file, **options):
        self.context = browser.new_context(accept_downloads=True, **options)
        self.page = self.context.new_page()
        self.faults: list[str] = []
        self.requests: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda m: self.faults.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())
        self.element = self.page.locator("der-playground")
        self.element.locator(".turn").first.wait_for()

    def get(self, expression: str):
        return self.element.evaluate(f"element => {expression}")

    def score(self) -> dict:
        return self.get("({...element.score, rate: String(element.score.rate)})")

    def turns(self, side: str) -> list[Turn]:
        return [Turn(*row) for row in self.get(f"element.{side}")]

    def turn(self, side: str, index: int):
        start, end, speaker = self.get(f"element.{side}[{index}]")
        return self.element.locator(f'.turn[aria-label="{side} {speaker}, {start:.2f} to {end:.2f} s"]')

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def drag(self, locator, seconds: float, at: float | None = None, down: float = 0.0) -> None:
        """Drag by a time; ``at`` is the place within the element, as a fraction of its width."""
        locator.scroll_into_view_if_needed()
        box = locator.bounding_box()
        track = self.element.locator(".ruler .track").bounding_box()
        x = box["x"] + box["width"] * (0.5 if at is None else at)
        y = box["y"] + box["height"] / 2
        pixels = seconds * track["width"] / self.get("element.case.duration")
        self.page.mouse.move(x, y)
        self.page.mouse.down()
        self.page.mouse.move(x + pixels / 2, y + down / 2, steps=3)
        self.page.mouse.move(x + pixels, y + down, steps=3)
        self.page.mouse.up()

    def swipe(self, locator, seconds: float) -> None:
        """Drag with one finger."""
        locator.scroll_into_view_if_needed()
        box, scroll = locator.bounding_box(), self.element.locator(".scroll").bounding_box()
        track = self.element.locator(".ruler .track").bounding_box()
        left, right = max(box["x"], scroll["x"] + 120), min(box["x"] + box["width"], scroll["x"] + scroll["width"])
        x, y = (left + right) / 2, box["y"] + box["height"] / 2
        pixels = seconds * track["width"] / self.get("element.case.duration")
        session = self.context.new_cdp_session(self.page)
        for step, kind in enumerate(["touchStart", *["touchMove"] * 10, "touchEnd"]):
            points = [] if kind == "touchEnd" else [{"x": x + pixels * step / 10, "y": y}]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})


@pytest.fixture
def driven(browser, files, request):
    options = getattr(request, "param", {})
    theme = options.pop("theme", "light") if options else "light"
    opened = Driven(browser, files / f"{theme}.html", **(options or {"viewport": {"width": 1100, "height": 1000}}))
    yield opened
    assert not opened.faults
    assert all(url.startswith(("file:", "data:", "blob:")) for url in opened.requests)
    opened.context.close()


def assert_agrees(opened: Driven, **options) -> None:
    """What the page shows is what Python says of what the page holds."""
    expected = diarization_error(opened.turns("reference"), opened.turns("hypothesis"), **options)
    score = opened.score()
    assert score["missed"] == pytest.approx(expected.missed, abs=1e-6)
    assert score["falseAlarm"] == pytest.approx(expected.false_alarm, abs=1e-6)
    assert score["confusion"] == pytest.approx(expected.confusion, abs=1e-6)
    assert score["total"] == pytest.approx(expected.total, abs=1e-6)
    assert opened.element.locator(".der output").inner_text() == f"{100 * expected.rate:.1f} %"


# ----------------------------------------------------------------------------------------------- arithmetic


def random_turns(random: np.random.Generator, names: str, on_grid: bool) -> list[list]:
    """Turns with overlap, also of one speaker with itself, with touching edges and without length."""
    rows = []
    for _ in range(random.integers(0, 14)):
        start = random.uniform(0, 20)
        length = 0.0 if random.random() < 0.1 else random.exponential(2.0)
        start, end = (round(start, 1), round(start + length, 1)) if on_grid else (start, start + length)
        rows.append([start, end, str(random.choice(list(names)))])
    return rows


def random_case(random: np.random.Generator) -> dict:
    on_grid = bool(random.random() < 0.5)  # a grid makes ties, of times and of mappings
    case = {
        "reference": random_turns(random, "ABCDE"[: random.integers(1, 6)], on_grid),
        "hypothesis": random_turns(random, "uvwxyz"[: random.integers(1, 7)], on_grid),
        "collar": float(random.choice([0, 0, 0.1, 0.25, 0.5, random.uniform(0, 1)])),
        "skipOverlap": bool(random.random() < 0.3),
        "mapping": str(random.choice(["before_collar", "after_collar"])),
        "uem": None,
    }
    if random.random() < 0.4:
        case["uem"] = np.sort(random.uniform(0, 22, (random.integers(1, 4), 2)), axis=1).round(2).tolist()
    return case


def test_a_thousand_random_cases_equal_the_python_scorer(browser):
    random = np.random.default_rng(20)
    cases = [random_case(random) for _ in range(1000)]
    page = browser.new_page()
    page.add_script_tag(content=script())
    answers = page.evaluate(
        """cases => cases.map(({reference, hypothesis, ...options}) => {
             const answer = DerPlayground.scoreDiarization(reference, hypothesis, options);
             return {...answer, rate: Number.isNaN(answer.rate) ? null : answer.rate};
           })""",
        cases,
    )
    page.close()
    undefined = confused = 0
    for case, answer in zip(cases, answers, strict=True):
        reference, hypothesis = ([Turn(*row) for row in case[side]] for side in ("reference", "hypothesis"))
        options = {
            "collar": case["collar"],
            "skip_overlap": case["skipOverlap"],
            "mapping": case["mapping"],
            "uem": None if case["uem"] is None else np.array(case["uem"]),
        }
        expected = diarization_error(reference, hypothesis, **options)
        got = [answer[key] for key in ("missed", "falseAlarm", "confusion", "total")]
        assert got == pytest.approx(
            [expected.missed, expected.false_alarm, expected.confusion, expected.total], abs=1e-6
        ), json.dumps(case)
        assert answer["reason"] == expected.reason
        if expected.total == 0:
            assert answer["rate"] is None
            undefined += 1
        else:
            assert answer["rate"] == pytest.approx(expected.rate, abs=1e-9)
        confused += expected.confusion > 0
        for kind, key in (("missed", "missed"), ("false_alarm", "falseAlarm"), ("confusion", "confusion")):
            spans = [span for span in answer["errors"] if span["kind"] == kind]
            assert sum(span["end"] - span["start"] for span in spans) == pytest.approx(answer[key], abs=1e-6)
        if answer["mapping"] == dict(expected.mapping):  # of two equally good mappings either may be taken
            ours = {(round(s["start"], 6), s["kind"], s["reference"], s["hypothesis"]) for s in answer["errors"]}
            spans = error_timeline(reference, hypothesis, **options)
            assert ours == {(round(s.start, 6), s.kind, s.reference, s.hypothesis) for s in spans}
    assert undefined > 20
    assert confused > 300


def test_values_worked_by_hand(browser):
    page = browser.new_page()
    page.add_script_tag(content=script())

    def score(reference, hypothesis, **options):
        call = "([r, h, o]) => DerPlayground.scoreDiarization(r, h, o)"
        return page.evaluate(call, [reference, hypothesis, options])

    # a 0-10 and b 8-12: 14 s of speaker time. x covers a but for its last second, y covers b from 9 on, 1 s too long.
    # Missed: b in 8-9 and one of two in 9-10 (y is b, a is missed). False alarm: 12-13.
    whole = score([[0, 10, "a"], [8, 12, "b"]], [[0, 9, "x"], [9, 13, "y"]])
    assert [whole[k] for k in ("missed", "falseAlarm", "confusion", "total")] == [2, 1, 0, 14]
    assert whole["mapping"] == {"x": "a", "y": "b"}
    # 0.25 s on each side of 0, 8, 10 and 12 goes: 8.25-9.75 is left of the missed time, 12.25-13 of the false alarm.
    fair = score([[0, 10, "a"], [8, 12, "b"]], [[0, 9, "x"], [9, 13, "y"]], collar=0.25)
    assert [fair[k] for k in ("missed", "falseAlarm", "confusion", "total")] == [1.5, 0.75, 0, 12]
    # Three voices answered for one: two of three seconds are false alarms, so the rate is 2.
    assert score([[0, 1, "a"]], [[0, 1, "x"], [0, 1, "y"], [0, 1, "z"]])["rate"] == 2
    page.close()


def test_a_bad_option_is_refused(browser):
    page = browser.new_page()
    page.add_script_tag(content=script())
    call = "o => { try { DerPlayground.scoreDiarization([], [], o); return ''; } catch (e) { return e.message; } }"
    assert "collar" in page.evaluate(call, {"collar": -1})
    assert "mapping" in page.evaluate(call, {"mapping": "never"})
    page.close()


# --------------------------------------------------------------------------------------------- the element


def test_the_score_is_shown_from_the_start(driven):
    score = driven.score()
    assert (score["missed"], score["confusion"], score["total"]) == (0.5, 2.0, 7.0)
    assert driven.element.locator(".der output").inner_text() == "35.7 %"
    assert driven.element.locator(".mapping").inner_text().count("→") == 2
    assert driven.element.locator(".wave path").count() == 1
    assert_agrees(driven)


def test_dragging_an_edge_changes_the_numbers_as_predicted(driven):
    edge = driven.turn("hypothesis", 1).locator('[data-edge="start"]')
    driven.drag(edge, -0.5)
    start = driven.get("element.hypothesis[1][0]")
    assert start == pytest.approx(4.0, abs=0.05)
    assert round(start * 100) == pytest.approx(start * 100)
    assert driven.score()["missed"] == pytest.approx(max(0, start - 4.0), abs=1e-6)
    assert_agrees(driven)


def test_dragging_a_turn_moves_it_and_changes_its_speaker(driven):
    driven.drag(driven.turn("hypothesis", 2), 0.0, down=-33.0)
    assert driven.get("element.hypothesis[2][2]") == "x"
    assert driven.score()["confusion"] == 0
    driven.drag(driven.turn("hypothesis", 2), 0.5)
    start, end, _ = driven.get("element.hypothesis[2]")
    assert (start, end) == (pytest.approx(7.5, abs=0.05), pytest.approx(start + 2, abs=1e-6))
    assert_agrees(driven)


def test_double_click_adds_a_turn_and_the_key_deletes_it(driven):
    lane = driven.element.locator('.lane[data-side="hypothesis"][data-speaker="x"] .track')
    box = lane.bounding_box()
    lane.dblclick(position={"x": box["width"] * 0.65, "y": box["height"] / 2})
    assert len(driven.get("element.hypothesis")) == 4
    start, end, speaker = driven.get("element.hypothesis[2]")
    assert speaker == "x"
    assert start <= 6.5 <= end
    assert_agrees(driven)
    driven.press("Delete")
    assert driven.turns("hypothesis") == HYPOTHESIS


def test_the_keyboard_alone_edits(driven):
    driven.turn("hypothesis", 1).focus()
    driven.press("Tab", "ArrowLeft")
    assert driven.get("element.hypothesis[1]") == [4.49, 6, "y"]
    driven.press("Shift+ArrowLeft")
    assert driven.get("element.hypothesis[1]") == [4.39, 6, "y"]
    slider = driven.page.evaluate_handle("document.querySelector('der-playground').shadowRoot.activeElement")
    assert slider.get_attribute("role") == "slider"
    assert slider.get_attribute("aria-valuetext") == "4.39 seconds"
    driven.page.wait_for_timeout(250)
    assert "start 4.39 seconds. DER" in driven.element.locator("[aria-live]").inner_text()
    driven.press("Tab", "ArrowRight")
    assert driven.get("element.hypothesis[1]") == [4.39, 6.01, "y"]
    driven.press("Shift+Tab", "Shift+Tab", "Shift+ArrowRight", "ArrowUp")
    assert driven.get("element.hypothesis[1]") == [4.49, 6.11, "x"]
    driven.press("ArrowDown")
    assert_agrees(driven)
    driven.press("Delete")
    assert [turn.start for turn in driven.turns("hypothesis")] == [1.0, 7.0]
    driven.press("n")
    assert len(driven.turns("hypothesis")) == 3
    assert_agrees(driven)


def test_undo_and_redo(driven):
    driven.turn("hypothesis", 0).focus()
    driven.press("Shift+ArrowRight", "Delete")
    assert len(driven.turns("hypothesis")) == 2
    driven.press("Control+z")
    assert driven.get("element.hypothesis[0]") == [1.1, 4.1, "x"]
    driven.element.locator('[data-do="undo"]').click()
    assert driven.turns("hypothesis") == HYPOTHESIS
    assert driven.element.locator('[data-do="undo"]').is_disabled()
    driven.element.locator('[data-do="redo"]').click()
    driven.press("Control+y")
    assert len(driven.turns("hypothesis")) == 2
    driven.element.locator('[data-do="reset"]').click()
    assert driven.turns("hypothesis") == HYPOTHESIS


def test_collar_overlap_and_mapping_switches(driven):
    for collar in (0.25, 1.0):
        driven.element.locator("input.collar").fill(str(collar))
        assert driven.element.locator(".collar-value").inner_text() == f"{collar:.2f} s"
        assert driven.element.locator(".out.collar").count() > 0
        assert_agrees(driven, collar=collar)
    driven.element.evaluate("e => { e.hypothesis = []; e.reference = [[0, 1, 'a']]; }")
    assert driven.element.locator(".der output").inner_text() == "undefined"
    assert "no speech in the scored region" in driven.element.locator(".reason").inner_text()
    driven.element.evaluate("e => { e.hypothesis = [[0, 5, 'x']]; e.reference = [[0, 6, 'a'], [2, 4, 'b']]; }")
    driven.element.locator("input.collar").fill("0.25")
    driven.element.locator(".skip").check()
    driven.element.locator(".mapping-on").select_option("after_collar")
    assert driven.element.locator(".out.overlap").count() == 1
    assert_agrees(driven, collar=0.25, skip_overlap=True, mapping="after_collar")


def test_renaming_costs_nothing_and_merging_does(driven):
    before = driven.score()
    driven.element.locator('.lane[data-side="hypothesis"] .name button').first.click()
    name = driven.element.locator('.inspector input[name="name"]')
    name.fill("two words")
    driven.element.locator('[data-do="rename"]').click()
    assert "one word" in driven.element.locator(".note").inner_text()
    name.fill("somebody")
    driven.element.locator('[data-do="rename"]').click()
    assert driven.get("element.hypothesis[0][2]") == "somebody"
    assert driven.score()["confusion"] == before["confusion"]
    name = driven.element.locator('.inspector input[name="name"]')
    name.fill("y")
    name.press("Enter")
    assert {turn.speaker for turn in driven.turns("hypothesis")} == {"y"}
    assert_agrees(driven)


def test_the_inspector_sets_times_and_speaker(driven):
    driven.turn("reference", 1).click()
    start = driven.element.locator('.inspector input[name="start"]')
    start.fill("4.25")
    start.press("Enter")
    assert driven.get("element.reference[1]") == [4.25, 6, "bob"]
    driven.element.locator(".inspector select").select_option("new speaker")
    assert driven.get("element.reference[1][2]") == "person_1"
    assert_agrees(driven)


# --------------------------------------------------------------------------------------------------- sound


def test_an_error_plays_its_stretch(driven):
    error = driven.element.locator('.error[data-kind="missed"]')
    assert error.get_attribute("aria-label") == "missed 4.00 to 4.50 s: bob is missed. Play"
    error.click()
    driven.page.wait_for_function("document.querySelector('der-playground').playing === null")
    assert driven.get("element.at") == pytest.approx(4.5, abs=0.05)
    assert driven.get("element.stretch") == [4, 4.5]


def test_the_cursor_follows_and_a_stretch_of_the_waveform_plays(driven):
    wave = driven.element.locator(".wave .track")
    driven.drag(wave, 0.6, at=0.2)
    driven.page.wait_for_function("document.querySelector('der-playground').at > 2.2")
    left = driven.get("parseFloat(element.shadowRoot.querySelector('.cursor').style.left)")
    assert 20 < left < 30
    driven.page.wait_for_function("document.querySelector('der-playground').playing === null")
    assert driven.get("element.at") == pytest.approx(2.6, abs=0.08)


def test_the_keyboard_plays_a_stretch_and_the_page_does_not_see_the_keys(driven):
    driven.page.evaluate("window.seen = []; addEventListener('keydown', e => seen.push(e.key))")
    driven.element.locator(".wave .track").focus()
    driven.press("Shift+ArrowRight", "ArrowRight", "[", "Shift+ArrowRight", "ArrowLeft", "]")
    assert driven.get("element.stretch") == pytest.approx([1.1, 2.0])
    assert driven.element.locator(".wave .track").get_attribute("aria-valuetext") == "2.00 seconds"
    driven.press("Enter")
    driven.page.wait_for_function("document.querySelector('der-playground').at < 1.6")
    driven.press("Escape")
    assert driven.get("element.playing") is None
    driven.element.locator(".files summary").click()
    driven.element.locator("textarea").press("/")
    assert set(driven.page.evaluate("seen")) <= {"Escape", "Shift"}


# --------------------------------------------------------------------------------------------------- files


def test_a_download_is_read_back_by_the_rttm_reader(driven, tmp_path):
    driven.turn("hypothesis", 1).focus()
    driven.press("ArrowRight")
    driven.element.locator(".files summary").click()
    for side in ("reference", "hypothesis"):
        with driven.page.expect_download() as waiting:
            driven.element.locator(f'[data-do="download"][data-side="{side}"]').click()
        path = tmp_path / waiting.value.suggested_filename
        assert path.name == f"talk.{side}.rttm"
        waiting.value.save_as(path)
        read = read_rttm(path)
        assert list(read) == ["talk"]
        rows = [(t.speaker, pytest.approx(t.start, abs=1e-9), pytest.approx(t.end, abs=1e-9)) for t in read["talk"]]
        assert [(t.speaker, t.start, t.end) for t in driven.turns(side)] == rows
    driven.element.locator('[data-do="copy"][data-side="reference"]').click()
    assert driven.element.locator("textarea").input_value().startswith("SPEAKER talk 1 1.000 3.000 <NA> <NA> ann")


def test_text_is_loaded_and_a_fault_shows_its_line(driven):
    driven.element.locator(".files summary").click()
    area, load, note = (driven.element.locator(s) for s in ("textarea", '[data-do="load"]', ".note"))
    good = "SPEAKER talk 1 2.5 1.25 <NA> <NA> z <NA> <NA>\r\n;; a comment\n"
    area.fill(good)
    load.click()
    assert driven.turns("hypothesis") == [Turn(2.5, 3.75, "z")]
    assert_agrees(driven)
    for text, fault in (
        (good + "SPEAKER talk 1 2.5\n", "pasted text:3: a SPEAKER line has 10 fields (8 at least), got 4"),
        ("SPEAKER talk 1 -2 1 <NA> <NA> z <NA> <NA>", "pasted text:1: start must be 0 or more and finite"),
        ("\nSPEAKER talk 1 2 1,5 <NA> <NA> z <NA> <NA>", "pasted text:2: duration must be a number of seconds"),
        ("SPEAKER talk 1 nan 1 <NA> <NA> z <NA> <NA>", "pasted text:1: start must be a number"),
        ("hello", "pasted text:1: a line starts with a record type"),
        ("", "pasted text: holds no SPEAKER line"),
        (good.replace("talk", "a") + good.replace("talk", "b"), "pasted text: holds 2 recordings (a, b"),
    ):
        area.fill(text)
        load.click()
        assert fault in note.inner_text()
        assert driven.turns("hypothesis") == [Turn(2.5, 3.75, "z")]
    driven.press("Escape")
    driven.element.locator('[data-do="undo"]').click()
    assert driven.turns("hypothesis") == HYPOTHESIS


def test_a_file_dropped_on_a_side_is_loaded_there(driven):
    drop = """(element, [side, name, text]) => {
      const data = new DataTransfer();
      data.items.add(new File([text], name, {type: 'text/plain'}));
      const target = element.shadowRoot.querySelector(`.lanes[data-side=${side}]`);
      const options = {dataTransfer: data, bubbles: true, composed: true, cancelable: true};
      target.dispatchEvent(new DragEvent('drop', options));
    }"""
    line = "SPEAKER talk 1 0.5 1.0 <NA> <NA> <b>&amp;</b> <NA> <NA>\n"
    driven.element.evaluate(drop, ["reference", "one.rttm", line])
    driven.element.locator(".note", has_text="Loaded 1 turn").wait_for()
    assert driven.turns("reference") == [Turn(0.5, 1.5, "<b>&amp;</b>")]
    assert driven.element.locator(".lane b").count() == 0  # a name is text, never markup
    driven.element.evaluate(drop, ["hypothesis", "bad.rttm", line + "SPEAKER\n"])
    driven.element.locator(".note", has_text="bad.rttm:2").wait_for()
    assert driven.turns("hypothesis") == HYPOTHESIS


# ---------------------------------------------------------------------------------------- small and dark


@pytest.mark.parametrize("driven", [{"viewport": {"width": 390, "height": 844}, "has_touch": True}], indirect=True)
def test_a_phone_shows_all_of_it_and_takes_touch(driven):
    for selector in (".files summary", ".help summary"):
        driven.element.locator(selector).click()
    turn = driven.turn("hypothesis", 2)
    turn.tap()
    assert driven.element.locator('.handle[data-edge="start"]').count() == 1
    assert driven.page.evaluate("document.documentElement.scrollWidth") <= 390
    for margin in (0, 8, 34):  # 34 is more than the margin of the book's column
        driven.page.evaluate(f"document.body.style.padding = '0 {margin}px'")
        assert driven.page.evaluate("document.documentElement.scrollWidth") <= 390
        assert driven.get(CUT_OFF) == []
    driven.element.locator('[data-do="larger"]').click()
    driven.element.locator('[data-do="larger"]').click()
    assert driven.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert driven.get("element.shadowRoot.querySelector('.scroll').scrollWidth > 800")
    handle = driven.element.locator('.handle[data-edge="start"]')
    driven.swipe(handle, 0.3)
    assert driven.get("element.hypothesis[2][0]") == pytest.approx(7.3, abs=0.03)
    assert_agrees(driven)
    driven.page.touchscreen.tap(5, 5)
    before = driven.turns("hypothesis"), driven.turns("reference")
    driven.swipe(driven.element.locator('.lane[data-side="reference"] .track').first, -2.0)
    assert (driven.turns("hypothesis"), driven.turns("reference")) == before  # an unselected turn is scrolled past


def test_dark_theme_follows_the_page(driven):
    shade = "getComputedStyle(element.shadowRoot.querySelector('.box')).backgroundColor"
    assert driven.get(shade) == "rgb(255, 255, 255)"
    driven.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert driven.get(shade) == "rgb(22, 27, 34)"


def test_the_colors_of_the_case_are_used(driven):
    case = driven.get("element.case")
    assert case["colors"] == {"ann": case["palette"][0], "bob": case["palette"][1]}
    shown = "getComputedStyle(element.shadowRoot.querySelector('{}')).backgroundColor"
    rgb = [f"rgb({', '.join(str(int(color[i : i + 2], 16)) for i in (1, 3, 5))})" for color in case["palette"][:2]]
    assert driven.get(shown.format(".lane[data-speaker=bob] .turn")) == rgb[1]
    assert driven.get(shown.format(".lane[data-speaker=x] .turn")) == rgb[0]  # mapped to ann
    wrong = case["error_colors"]["confusion"]
    rgb = f"rgb({', '.join(str(int(wrong[i : i + 2], 16)) for i in (1, 3, 5))})"
    assert driven.get(shown.format(".error[data-kind=confusion]")) == rgb


def test_two_playgrounds_share_one_script(browser, tmp_path):
    case = playground(tone(2.0), [Turn(0, 1, "a")], [Turn(0, 1, "x")], name="short")
    file = tmp_path / "two.html"
    body = case._repr_html_() + case._repr_html_()
    file.write_text(f"<!DOCTYPE html><meta charset=utf-8><body>{body}</body>", encoding="utf-8")
    page = browser.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(file.as_uri())
    assert page.locator("der-playground .turn").count() == 4
    assert not faults
    page.close()
