"""The threshold explorer in Chromium: its arithmetic against Python, and every way of moving the threshold."""

from __future__ import annotations

import json

import numpy as np
import pytest

from diarbook.backends import Calibration
from diarbook.embeddings.trials import Trials
from diarbook.metrics.calibration import bayes_threshold
from diarbook.metrics.verification import (
    detection_cost,
    equal_error_point,
    error_rates_at,
    minimum_detection_cost_point,
)
from diarbook.reader.threshold_explorer import (
    Situation,
    TrialSet,
    _packed,
    instructive_stretches,
    script,
    threshold_explorer,
)

pytestmark = pytest.mark.browser

CALIBRATION = Calibration("train", 20.0, -8.0)
SITUATIONS = [Situation("even", 0.5, 1), Situation("watch list", 0.01, 1), Situation("bank", 0.99, 10_000)]


def random_trials(seed: int, count: int = 300, grid: float = 0.0) -> Trials:
    rng = np.random.default_rng(seed)
    labels = rng.random(count) < 0.3
    labels[:2] = True, False
    scores = np.clip(rng.normal(np.where(labels, 0.55, 0.2), 0.15), -1, 1)
    scores = np.round(np.round(scores / grid) * grid if grid else scores, 4)
    pairs = rng.permutation(np.column_stack(np.triu_indices(40, k=1)))[:count]
    return Trials(scores, labels, np.zeros(count, bool), *pairs.T, pairs)


def tone(seconds: float = 0.6) -> np.ndarray:
    return (0.3 * np.sin(np.arange(int(16_000 * seconds)) / 10)).astype(np.float32)


@pytest.fixture(scope="module")
def sets():
    first, second = random_trials(1), random_trials(2)
    return {
        "One": TrialSet(
            first, [f"stretch {i}" for i in range(40)], {i: tone() for i in instructive_stretches(first, most=6)}
        ),
        "Two": TrialSet(second, [f"<b>{i}</b>" for i in range(40)]),
    }


@pytest.fixture(scope="module")
def files(tmp_path_factory, sets):
    folder = tmp_path_factory.mktemp("explorer")
    shown = threshold_explorer(
        sets, "Where?", "CAM++, cosine", threshold=0.4, situations=SITUATIONS, calibration=CALIBRATION
    )
    for theme in ("light", "dark"):
        (folder / f"{theme}.html").write_text(shown.page(theme), encoding="utf-8")
    return folder


class Driven:
    """A page with one explorer, its console and its requests."""

    def __init__(self, browser, file, **options):
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.faults: list[str] = []
        self.requests: list[str] = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", lambda m: self.faults.append(m.text) if m.type in ("error", "warning") else None)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())
        self.element = self.page.locator("threshold-explorer")

    def get(self, expression: str):
        return self.element.evaluate(f"element => {expression}")

    def number(self, kind: str) -> int:
        return int(self.element.locator(f".counts .{kind} output").inner_text().replace(",", ""))


@pytest.fixture
def driven(browser, files, request):
    options = getattr(request, "param", None) or {"viewport": {"width": 1000, "height": 1100}}
    opened = Driven(browser, files / "light.html", **options)
    yield opened
    assert not opened.faults
    assert all(url.startswith(("file:", "data:", "blob:")) for url in opened.requests)
    opened.context.close()


def assert_agrees(opened: Driven, trials: Trials) -> None:
    """What the page shows is what Python counts at the page's threshold."""
    state = opened.get("element.state")
    threshold, costs = state["threshold"], state["costs"]
    missed, accepted = error_rates_at(trials.scores, trials.labels, threshold)
    assert opened.number("false") == round(accepted * (~trials.labels).sum())
    assert opened.number("miss") == round(missed * trials.labels.sum())
    expected = detection_cost(
        trials.scores, trials.labels, threshold, costs["prior"], costs["miss"], costs["falseAccept"]
    )
    assert state["cost"] == pytest.approx(expected, rel=1e-9)


# ----------------------------------------------------------------------------------------------- arithmetic


def test_random_trials_give_what_python_gives(browser):
    rng = np.random.default_rng(3)
    page = browser.new_page()
    page.add_script_tag(content=script())
    for seed in range(60):
        trials = random_trials(seed, count=int(rng.integers(2, 200)), grid=0.05 if seed % 2 else 0.0)  # a grid: ties
        prior, price, threshold = (
            float(rng.uniform(0.01, 0.99)),
            float(rng.uniform(0.01, 100)),
            float(rng.uniform(-1, 1)),
        )
        if seed % 3 == 0:
            threshold = float(trials.scores[~trials.labels][0])  # exactly on a score, which is accepted
        answer = page.evaluate(
            """([set, costs, threshold]) => {
              const t = ThresholdExplorer, trials = t.decode(set), rows = t.sweep(trials);
              const counts = t.count(trials, threshold);
              const least = t.least(rows, costs);
              return {counts, cost: t.cost(counts, costs), equal: t.equalError(rows), bayes: t.bayes(costs, [20, -8]),
                      least: {...least, threshold: String(least.threshold)}, rows: rows.length};
            }""",
            [
                _packed("x", TrialSet(trials, ["x"] * 40)),
                {"prior": prior, "miss": 1, "falseAccept": price},
                threshold,
            ],
        )
        missed, accepted = error_rates_at(trials.scores, trials.labels, threshold)
        assert answer["counts"]["misses"] == round(missed * trials.labels.sum())
        assert answer["counts"]["falseAccepts"] == round(accepted * (~trials.labels).sum())
        options = (prior, 1.0, price)
        assert answer["cost"] == pytest.approx(detection_cost(trials.scores, trials.labels, threshold, *options))
        equal = equal_error_point(trials.scores, trials.labels)
        assert answer["equal"]["value"] == pytest.approx(equal.value, abs=1e-9)
        assert answer["equal"]["threshold"] == pytest.approx(equal.threshold, abs=1e-9)
        best = minimum_detection_cost_point(trials.scores, trials.labels, *options)
        assert answer["least"]["value"] == pytest.approx(best.value, abs=1e-9)
        assert float(answer["least"]["threshold"].replace("Infinity", "inf")) == pytest.approx(best.threshold)
        assert answer["bayes"] == pytest.approx((bayes_threshold(*options) + 8) / 20)
        assert answer["rows"] == len(np.unique(trials.scores)) + 1
    page.close()


# ------------------------------------------------------------------------------------------- moving about


def test_it_starts_where_it_was_told(driven, sets):
    assert driven.get("element.state.threshold") == 0.4
    assert_agrees(driven, sets["One"].trials)
    assert driven.element.locator(".note").inner_text() == "CAM++, cosine"
    assert driven.element.locator("table").count() == 1  # the table for readers without a script is not shown
    assert not driven.element.locator("table").is_visible()


def test_the_keyboard_moves_the_threshold_and_is_told(driven, sets):
    slider = driven.element.locator(".threshold")
    slider.focus()
    driven.page.keyboard.press("ArrowRight")
    assert driven.get("element.state.threshold") == pytest.approx(0.401)
    driven.page.keyboard.press("PageUp")
    assert driven.get("element.state.threshold") > 0.45
    assert_agrees(driven, sets["One"].trials)
    assert slider.get_attribute("aria-valuetext").startswith("threshold 0.")
    driven.page.wait_for_timeout(600)
    assert "false rejects of" in driven.element.locator("[aria-live]").inner_text()


def test_the_threshold_is_dragged_in_the_picture(driven, sets):
    plot = driven.element.locator(".hist")
    box = plot.bounding_box()
    low, high = driven.get("[element.low, element.high]")
    driven.page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 50)
    driven.page.mouse.down()
    driven.page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 60, steps=4)
    driven.page.mouse.up()
    driven.page.mouse.move(box["x"], box["y"])
    assert driven.get("element.state.threshold") == pytest.approx(low + 0.75 * (high - low), abs=0.004)
    assert_agrees(driven, sets["One"].trials)


def test_the_buttons_go_to_known_thresholds(driven, sets):
    trials = sets["One"].trials
    driven.element.locator("[data-go=equal]").click()
    point = equal_error_point(trials.scores, trials.labels)
    assert driven.get("element.state.threshold") == pytest.approx(point.threshold, abs=1e-9)
    driven.element.locator("[data-go=least]").click()
    best = minimum_detection_cost_point(trials.scores, trials.labels, 0.5)
    assert driven.get("element.state.cost") == pytest.approx(best.value)
    driven.element.locator("[data-go=bayes]").click()
    assert driven.get("element.state.threshold") == pytest.approx(8 / 20)
    assert_agrees(driven, trials)


def test_situations_and_sliders_set_prior_and_cost(driven, sets):
    driven.element.locator(".preset").select_option(label="watch list")
    assert driven.get("element.state.costs.prior") == 0.01
    assert "1 % of the attempts" in driven.element.locator(".prior-words").inner_text()
    assert_agrees(driven, sets["One"].trials)
    prior = driven.element.locator(".prior")
    prior.focus()
    driven.page.keyboard.press("ArrowRight")
    assert driven.get("element.state.costs.prior") > 0.01
    ratio = driven.element.locator(".ratio")
    ratio.focus()
    driven.page.keyboard.press("End")
    assert driven.get("element.state.costs.falseAccept") == pytest.approx(10_000, rel=0.02)
    assert driven.element.locator(".preset").input_value() == ""
    driven.element.locator(".preset").select_option(label="bank")
    assert "costs 10,000 ×" in driven.element.locator(".cost-words").inner_text()
    assert driven.get("element.state.costs.falseAccept") == 10_000
    assert_agrees(driven, sets["One"].trials)


def test_another_set_keeps_the_threshold(driven, sets):
    driven.element.get_by_role("button", name="Two", exact=True).click()
    assert driven.get("element.state.threshold") == 0.4
    assert driven.get("element.state.set") == "Two"
    assert_agrees(driven, sets["Two"].trials)
    assert "none among the stretches" in driven.element.locator(".errors .false").inner_text()
    assert driven.element.locator(".errors b").count() == 0


def test_the_nearest_errors_are_listed_and_played(driven, sets):
    trials, sounds = sets["One"].trials, sets["One"].sounds
    playable = np.isin(trials.first, list(sounds)) & np.isin(trials.second, list(sounds))
    wrong = playable & ~trials.labels & (trials.scores >= 0.4)
    assert wrong.any()
    nearest = trials.scores[wrong].min()
    first = driven.element.locator(".errors .false li").first
    assert first.inner_text().startswith(f"score {nearest:.2f}")
    button = first.locator("button").first
    assert button.inner_text() == f"▶ stretch {trials.first[np.flatnonzero(wrong)[trials.scores[wrong].argmin()]]}"
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    driven.page.wait_for_function("document.querySelector('threshold-explorer').audio === null")
    assert button.get_attribute("aria-pressed") is None


def test_the_dark_bars_are_the_errors(driven):
    shaded = """[...element.shadowRoot.querySelectorAll('rect.wrong')].every(bar => {
      const x = element.x(element.at), left = +bar.getAttribute('x'), right = left + +bar.getAttribute('width');
      const one = bar.classList.contains('one');
      return bar.getAttribute('width') === '0' || (one ? right <= x + 1e-6 : left >= x - 1e-6);
    })"""
    assert driven.get(shaded)
    driven.element.locator(".threshold").fill("0.5")
    assert driven.get(shaded)


@pytest.mark.parametrize("driven", [{"viewport": {"width": 390, "height": 844}, "has_touch": True}], indirect=True)
def test_a_phone_shows_all_of_it(driven):
    assert driven.page.evaluate("document.documentElement.scrollWidth") <= 390
    cut = """[...element.shadowRoot.querySelectorAll('.box *')].filter(node => !node.closest('svg,.sr'))
      .filter(node => node.getBoundingClientRect().right > element.getBoundingClientRect().right + 1)
      .map(node => node.className)"""
    assert driven.get(cut) == []
    tall = "[...element.shadowRoot.querySelectorAll('button')].filter(b => !b.hidden && b.offsetHeight < 40).length"
    assert driven.get(tall) == 0


def test_the_dark_theme_follows_the_page(browser, files):
    opened = Driven(browser, files / "dark.html")
    shade = "getComputedStyle(element.shadowRoot.querySelector('.box')).backgroundColor"
    assert opened.get(shade) == "rgb(22, 27, 34)"
    opened.page.evaluate("document.documentElement.dataset.theme = 'light'")
    assert opened.get(shade) == "rgb(255, 255, 255)"
    opened.context.close()


def test_without_javascript_the_table_is_read(browser, files):
    opened = Driven(browser, files / "light.html", java_script_enabled=False)
    table = opened.page.locator("threshold-explorer table")
    assert table.is_visible()
    assert "false accepts" in table.inner_text()
    opened.context.close()


def test_two_explorers_share_one_script(browser, tmp_path, sets):
    shown = threshold_explorer(sets, "Twice", "note", threshold=0.3, situations=SITUATIONS)
    file = tmp_path / "two.html"
    file.write_text(f"<!DOCTYPE html><meta charset=utf-8><body>{shown._repr_html_() * 2}</body>", encoding="utf-8")
    page = browser.new_page()
    faults = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(file.as_uri())
    assert page.locator("threshold-explorer h3").count() == 2
    assert not page.locator("[data-go=bayes]").first.is_visible()  # no calibration was given
    assert json.loads(page.locator("threshold-explorer").first.get_attribute("case"))["calibration"] is None
    assert not faults
    page.close()
