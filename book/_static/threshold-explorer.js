// <threshold-explorer>: move the threshold over the scores of verification trials and count the errors.
//
// One file, no dependency, no network. Two parts: counting (pure functions, in globalThis.ThresholdExplorer; they
// follow diarbook.metrics.verification, and tests/browser/test_threshold_explorer.py compares the two), and the element.
(() => {
  "use strict";
  if (globalThis.ThresholdExplorer) return; // every embedded explorer brings this script; the first one counts

  // ----------------------------------------------------------------------------------------------- counting

  const SCALE = 1e4; // scores travel as whole ten-thousandths

  const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

  /** A set of trials as the page carries it: {score, target, first, second}, rising by score. */
  function decode(set) {
    const view = (field) => new DataView(bytes(set[field]).buffer);
    const scores = view("scores"), firsts = view("first"), seconds = view("second"), labels = bytes(set.labels);
    const trials = Array.from(labels, (label, i) => ({
      score: scores.getInt16(2 * i, true) / SCALE, target: label === 1,
      first: firsts.getUint16(2 * i, true), second: seconds.getUint16(2 * i, true),
    }));
    return trials.sort((a, b) => a.score - b.score);
  }

  /** Targets below the threshold, others at or above it, and how many there are of each. */
  function count(trials, threshold) {
    let misses = 0, falseAccepts = 0, targets = 0;
    for (const { score, target } of trials) {
      targets += target;
      if (target && score < threshold) misses += 1;
      if (!target && score >= threshold) falseAccepts += 1;
    }
    return { misses, falseAccepts, targets, others: trials.length - targets };
  }

  /** Expected cost of a trial over that of the better of accepting all and rejecting all; NaN without either kind. */
  function cost({ misses, falseAccepts, targets, others }, { prior, miss, falseAccept }) {
    const lost = miss * prior, let_in = falseAccept * (1 - prior);
    return (lost * misses / targets + let_in * falseAccepts / others) / Math.min(lost, let_in);
  }

  /** Counts at every threshold that changes one, from accepting all to rejecting all; trials rise by score. */
  function sweep(trials) {
    const targets = trials.reduce((sum, trial) => sum + trial.target, 0), others = trials.length - targets;
    const rows = [];
    let misses = 0, falseAccepts = others;
    for (let i = 0; i < trials.length;) {
      const threshold = trials[i].score;
      rows.push({ threshold, misses, falseAccepts, targets, others });
      for (; i < trials.length && trials[i].score === threshold; i++) {
        if (trials[i].target) misses += 1; else falseAccepts -= 1;
      }
    }
    rows.push({ threshold: Infinity, misses, falseAccepts, targets, others });
    return rows;
  }

  /** The threshold of least cost, the lowest of several. */
  function least(rows, costs) {
    let best = null;
    for (const row of rows) {
      const value = cost(row, costs);
      if (best === null || value < best.value) best = { value, threshold: row.threshold };
    }
    return best;
  }

  /** The equal error rate and its threshold, interpolated between the two thresholds around the crossing. */
  function equalError(rows) {
    const gap = (row) => row.falseAccepts / row.others - row.misses / row.targets;
    let before = -1;
    rows.forEach((row, i) => { if (gap(row) >= 0) before = i; });
    if (before < 0) return { value: NaN, threshold: NaN };
    const low = rows[before], high = rows[before + 1];
    if (gap(low) === 0) return { value: low.misses / low.targets, threshold: low.threshold };
    const share = gap(low) / (gap(low) - gap(high));
    const value = low.misses / low.targets + share * (high.misses - low.misses) / low.targets;
    const step = Number.isFinite(high.threshold) ? share * (high.threshold - low.threshold) : 0;
    return { value, threshold: low.threshold + step };
  }

  /** The score at which accepting costs as much as rejecting, if the calibration is right. */
  function bayes({ prior, miss, falseAccept }, [scale, offset]) {
    return (Math.log(falseAccept * (1 - prior) / (miss * prior)) - offset) / scale;
  }

  /** Errors at a threshold, nearest to it first, of those trials whose two sounds are there. */
  function nearestErrors(trials, threshold, has, most) {
    const wrong = trials.filter(({ score, target, first, second }) =>
      (target ? score < threshold : score >= threshold) && has(first) && has(second));
    const near = (target) => wrong.filter((trial) => trial.target === target)
      .sort((a, b) => Math.abs(a.score - threshold) - Math.abs(b.score - threshold)).slice(0, most);
    return { falseAccepts: near(false), misses: near(true) };
  }

  globalThis.ThresholdExplorer = { decode, count, cost, sweep, least, equalError, bayes, nearestErrors };
  if (!globalThis.customElements) return; // counting alone, outside a browser

  // ------------------------------------------------------------------------------------------------ element

  const BINS = 60, LISTED = 2, CURVE = 240, PRIOR_REACH = 7, COST_REACH = Math.log(1e4);
  const STYLE = `
:host{display:block;margin:1.25rem 0;max-width:100%;text-align:left;
  font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
:host([hidden]){display:none}
*{box-sizing:border-box}
.box{--page:#fff;--panel:#f6f8fa;--line:#d8dee4;--ink:#1c2128;--soft:#57606a;--accent:#0072b2;--one:#0072b2;--two:#d55e00;
  container-type:inline-size;background:var(--page);color:var(--ink);border:1px solid var(--line);border-radius:12px;
  overflow:hidden;accent-color:var(--accent)}
.box.dark{--page:#161b22;--panel:#1c232c;--line:#30363d;--ink:#e6edf3;--soft:#9aa4af;--accent:#58a6e0;--one:#4f9fd6;--two:#e8792e;color-scheme:dark}
header{display:flex;flex-wrap:wrap;gap:6px 16px;align-items:center;padding:11px 16px;background:var(--panel);border-bottom:1px solid var(--line)}
h3{flex:1;min-width:14ch;margin:0;font-size:1rem;font-weight:650;line-height:1.3}
.sets{display:flex;flex-wrap:wrap;gap:6px}
.counts{display:grid;grid-template-columns:repeat(3,minmax(0,1fr));border-bottom:1px solid var(--line)}
.counts div{padding:9px 16px;border-left:1px solid var(--line);min-width:0}
.counts div:first-child{border-left:0}
.counts small{display:flex;align-items:center;gap:6px;font-size:.8rem;color:var(--soft)}
.counts i{width:11px;height:11px;border-radius:2px;flex:none;background:var(--c)}
.counts output{display:block;font-size:1.7rem;font-weight:700;letter-spacing:-.01em;line-height:1.15;font-variant-numeric:tabular-nums}
.counts span{font-size:.8rem;color:var(--soft);font-variant-numeric:tabular-nums}
.false{--c:var(--two)}.miss{--c:var(--one)}.cost{--c:var(--ink)}
.plot{position:relative;padding:8px 5px 0;touch-action:pan-y;cursor:ew-resize}
.plot svg{display:block;width:calc(100% - 22px);margin:0 11px;overflow:visible}
.plot .hist{height:190px}.plot .curve{height:64px}
.plot p{position:absolute;left:16px;margin:0;font-size:.78rem;color:var(--soft);pointer-events:none;max-width:44%;line-height:1.25}
.plot p b{color:var(--ink)}
.plot .up{top:6px}.plot .down{top:166px;left:auto;right:16px;text-align:right}.plot .below{top:246px}
rect.one{fill:var(--one)}rect.two{fill:var(--two)}
rect{opacity:.32}rect.wrong{opacity:1}
.axis{stroke:var(--line);stroke-width:1;vector-effect:non-scaling-stroke}
.at{stroke:var(--ink);stroke-width:2;vector-effect:non-scaling-stroke}
.mark{stroke:var(--soft);stroke-width:1.5;stroke-dasharray:3 3;vector-effect:non-scaling-stroke}
path{fill:none;stroke:var(--ink);stroke-width:1.6;vector-effect:non-scaling-stroke}
.slide{padding:0 5px}
input[type=range]{appearance:none;-webkit-appearance:none;width:100%;height:26px;margin:0;background:none;cursor:ew-resize}
input[type=range]::-webkit-slider-runnable-track{height:4px;border-radius:2px;background:var(--line)}
input[type=range]::-moz-range-track{height:4px;border-radius:2px;background:var(--line)}
input[type=range]::-webkit-slider-thumb{-webkit-appearance:none;width:22px;height:22px;margin-top:-9px;border-radius:50%;background:var(--accent);border:3px solid var(--page);box-shadow:0 0 0 1px var(--soft)}
input[type=range]::-moz-range-thumb{box-sizing:border-box;width:22px;height:22px;border-radius:50%;background:var(--accent);border:3px solid var(--page);box-shadow:0 0 0 1px var(--soft)}
.ticks{position:relative;height:20px;margin:0 16px;font-size:.76rem;color:var(--soft);font-variant-numeric:tabular-nums}
.ticks span{position:absolute;transform:translateX(-50%)}
.row{display:flex;flex-wrap:wrap;gap:6px 8px;align-items:center;padding:8px 16px;border-top:1px solid var(--line);font-size:.88rem}
.row>b{font-variant-numeric:tabular-nums;margin-right:6px}
.situation{display:grid;grid-template-columns:1fr 1fr;gap:4px 20px;background:var(--panel)}
.situation label{display:block;min-width:0}
.situation label:first-child{grid-column:1/-1}
select{max-width:100%}
button,select{font:inherit;font-size:.86rem;color:var(--ink);background:var(--page);border:1px solid var(--line);border-radius:6px;min-height:32px;padding:2px 9px;margin:0}
button{cursor:pointer}
button:hover{border-color:var(--accent);color:var(--accent)}
button[aria-pressed=true]{background:var(--accent);border-color:var(--accent);color:var(--page);font-weight:600}
:focus{outline:none}:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.errors{display:grid;grid-template-columns:1fr 1fr;border-top:1px solid var(--line);font-size:.86rem}
.errors section{padding:9px 16px;min-width:0}
.errors section+section{border-left:1px solid var(--line)}
h4{margin:0 0 4px;font-size:.86rem;font-weight:650}
ul{margin:0;padding:0;list-style:none}
li{margin:0 0 6px;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
li div{display:flex;flex-wrap:wrap;gap:4px 6px;margin-top:2px}
.note{margin:0;padding:8px 16px 10px;border-top:1px solid var(--line);font-size:.8rem;color:var(--soft);overflow-wrap:anywhere}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@container (max-width:560px){.counts div{padding:8px 10px}.counts output{font-size:1.25rem}.counts span,.counts small{font-size:.72rem}
  .errors,.situation{grid-template-columns:1fr}.errors section+section{border-left:0;border-top:1px solid var(--line)}
  .row,.note,.errors section,header{padding-left:12px;padding-right:12px}}
@media (pointer:coarse){button,select{min-height:40px}input[type=range]{height:40px}
  input[type=range]::-webkit-slider-thumb{width:22px;height:22px}}
@media (forced-colors:active){rect,i{forced-color-adjust:none}}
@media print{.row,.errors{display:none}}
`;

  const BODY = `
<div class="box">
  <header><h3></h3><div class="sets" role="group" aria-label="Which trials"></div></header>
  <div class="counts">
    <div class="false"><small><i></i>false accepts</small><output></output><span></span></div>
    <div class="miss"><small><i></i>false rejects</small><output></output><span></span></div>
    <div class="cost"><small>cost of a trial</small><output></output><span></span></div>
  </div>
  <div class="plot">
    <svg class="hist" viewBox="0 0 1000 190" preserveAspectRatio="none" role="img"></svg>
    <svg class="curve" viewBox="0 0 1000 64" preserveAspectRatio="none" aria-hidden="true"></svg>
    <p class="up"><b>one voice</b>, upward</p><p class="down"><b>two voices</b>, downward</p><p class="below">cost at each threshold</p>
  </div>
  <div class="slide"><input class="threshold" type="range" min="-1" max="1" step="0.001" aria-label="Threshold"></div>
  <div class="ticks" aria-hidden="true"></div>
  <div class="row"><b class="now"></b>
    <button data-go="equal">Equal error</button><button data-go="least">Least cost</button><button data-go="bayes" hidden>What calibration says</button>
  </div>
  <div class="row situation">
    <label>Where is it used? <select class="preset"></select></label>
    <label><span class="prior-words"></span><input class="prior" type="range" step="0.01" aria-label="How many attempts are by the claimed person"></label>
    <label><span class="cost-words"></span><input class="ratio" type="range" step="0.01" aria-label="What a false accept costs, in false rejects"></label>
  </div>
  <div class="errors"><section class="false"><h4>False accepts nearest to the threshold</h4><ul></ul></section>
    <section class="miss"><h4>False rejects nearest to the threshold</h4><ul></ul></section></div>
  <p class="note"></p>
  <div class="sr" aria-live="polite"></div>
</div>`;

  const percent = (share) => Number.isNaN(share) ? "–" : `${(100 * share).toFixed(share < 0.0995 ? 1 : 0)} %`;
  const times = (ratio) => ratio < 9.95 ? ratio.toFixed(1).replace(".0", "") : whole(Math.round(ratio));
  const whole = (number) => number.toLocaleString("en-US");
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const svg = (name, attributes) => {
    const node = document.createElementNS("http:" + "//www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };

  function isDark() {
    const root = document.documentElement, body = document.body;
    const marks = [root.dataset.theme, root.getAttribute("theme"), body?.dataset.theme];
    if (marks.includes("dark")) return true;
    if (marks.includes("light")) return false;
    if (body?.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false";
    return matchMedia("(prefers-color-scheme: dark)").matches;
  }

  let sounding = null; // one explorer plays at a time

  class ThresholdExplorerElement extends HTMLElement {
    connectedCallback() {
      this.dataset.lmSuppressShortcuts = "true"; // JupyterLab's own keys would take the arrows
      if (!this.root) this.build();
      const apply = () => this.$(".box").classList.toggle("dark", isDark());
      apply();
      this.themes = new MutationObserver(apply);
      for (const node of [document.documentElement, document.body]) this.themes.observe(node, { attributes: true });
      this.system = matchMedia("(prefers-color-scheme: dark)");
      this.system.addEventListener("change", this.applyTheme = apply);
    }

    disconnectedCallback() {
      this.themes?.disconnect();
      this.system?.removeEventListener("change", this.applyTheme);
      this.stop();
    }

    $(selector) { return this.root.querySelector(selector); }

    build() {
      this.case = JSON.parse(this.getAttribute("case"));
      this.root = this.attachShadow({ mode: "open" });
      this.root.innerHTML = `<style>${STYLE}</style>${BODY}`;
      const { case: given } = this;
      this.sets = given.sets.map((set) => {
        const trials = decode(set);
        return { ...set, trials, rows: sweep(trials) };
      });
      const all = this.sets.flatMap((set) => [set.trials[0].score, set.trials[set.trials.length - 1].score]);
      this.low = Math.floor(Math.min(...all) * 10 - 1e-9) / 10;
      this.high = Math.ceil(Math.max(...all) * 10 + 1e-9) / 10;
      this.costs = { prior: given.prior, miss: 1, falseAccept: given.cost_false_accept };
      this.$("h3").textContent = given.title;
      this.$(".note").textContent = given.note;
      this.$("[data-go=bayes]").hidden = !given.calibration;
      const slider = this.$(".threshold");
      slider.min = this.low; slider.max = this.high;
      slider.addEventListener("input", () => this.moveTo(Number(slider.value)));
      const prior = this.$(".prior"), ratio = this.$(".ratio");
      [prior.min, prior.max] = [-PRIOR_REACH, PRIOR_REACH];
      [ratio.min, ratio.max] = [-COST_REACH, COST_REACH];
      prior.addEventListener("input", () => this.setCosts(1 / (1 + Math.exp(-prior.value)), this.costs.falseAccept));
      ratio.addEventListener("input", () => this.setCosts(this.costs.prior, Math.exp(ratio.value)));
      this.$(".preset").replaceChildren(...given.situations.map(({ name }, i) => new Option(name, i)), new Option("as set below", ""));
      this.$(".preset").addEventListener("change", (e) => {
        const chosen = given.situations[e.target.value];
        if (e.target.value !== "") this.setCosts(chosen.prior, chosen.cost_false_accept);
      });
      if (this.sets.length > 1) {
        this.$(".sets").append(...this.sets.map((set, i) => {
          const button = document.createElement("button");
          button.textContent = set.name;
          button.addEventListener("click", () => this.choose(i));
          return button;
        }));
      }
      this.root.addEventListener("click", (e) => {
        const button = e.target.closest("[data-go],[data-sound]");
        if (button?.dataset.go) this.go(button.dataset.go);
        if (button?.dataset.sound) this.play(button);
      });
      const plot = this.$(".plot");
      const drag = (e) => {
        const box = this.$(".hist").getBoundingClientRect();
        this.moveTo(this.low + clamp((e.clientX - box.left) / box.width, 0, 1) * (this.high - this.low));
      };
      plot.addEventListener("pointerdown", (e) => { plot.setPointerCapture(e.pointerId); drag(e); });
      plot.addEventListener("pointermove", (e) => { if (plot.hasPointerCapture(e.pointerId)) drag(e); });
      const ticks = [];
      for (let tick = this.low; tick <= this.high + 1e-9; tick += 0.2) ticks.push(tick);
      this.$(".ticks").replaceChildren(...ticks.map((tick) => {
        const label = document.createElement("span");
        label.textContent = (Math.abs(tick) < 1e-9 ? 0 : tick).toFixed(1).replace("-", "−");
        label.style.left = `${this.x(tick) / 10}%`;
        return label;
      }));
      this.at = given.threshold;
      this.choose(0);
    }

    /** 0 to 1000 for a score. */
    x(score) { return clamp(1000 * (score - this.low) / (this.high - this.low), 0, 1000); }

    get set() { return this.sets[this.chosen]; }

    /** What is on the screen. */
    get state() {
      const counts = count(this.set.trials, this.at);
      return { set: this.set.name, threshold: this.at, ...counts, cost: cost(counts, this.costs), ...{ costs: this.costs } };
    }

    choose(index) {
      this.chosen = index;
      this.stop();
      this.$(".sets").querySelectorAll("button").forEach((button, i) => button.setAttribute("aria-pressed", i === index));
      this.drawBars();
      this.setCosts(this.costs.prior, this.costs.falseAccept);
    }

    moveTo(threshold) {
      this.at = Math.round(clamp(threshold, this.low, this.high) * 1000) / 1000;
      this.update();
    }

    go(where) {
      const target = { equal: () => equalError(this.set.rows).threshold, least: () => least(this.set.rows, this.costs).threshold,
        bayes: () => bayes(this.costs, this.case.calibration) }[where]();
      // Between two steps of the slider the exact threshold counts, so that what is shown is the optimum.
      this.at = clamp(target, this.low, this.high);
      this.update();
    }

    setCosts(prior, falseAccept) {
      this.costs = { prior, miss: 1, falseAccept };
      this.$(".prior").value = Math.log(prior / (1 - prior));
      this.$(".ratio").value = Math.log(falseAccept);
      const near = (a, b) => Math.abs(Math.log(a / b)) < 0.02;
      const odds = (p) => p / (1 - p);
      const preset = this.case.situations.findIndex((s) => near(odds(s.prior), odds(prior)) && near(s.cost_false_accept, falseAccept));
      this.$(".preset").value = preset < 0 ? "" : preset;
      const share = 100 * prior;
      const digits = share < 1 || share > 99 ? 2 : 0;
      this.$(".prior-words").textContent = `${share.toFixed(digits)} % of the attempts are by the claimed person`;
      this.$(".cost-words").textContent = falseAccept >= 1
        ? `a false accept costs ${times(falseAccept)} × a false reject`
        : `a false reject costs ${times(1 / falseAccept)} × a false accept`;
      this.drawCurve();
      this.update();
    }

    drawBars() {
      const { trials } = this.set, width = 1000 / BINS, up = new Array(BINS).fill(0), down = new Array(BINS).fill(0);
      for (const { score, target } of trials) {
        const bin = Math.min(BINS - 1, Math.floor(this.x(score) / width));
        (target ? up : down)[bin] += 1;
      }
      // Square roots, each side by its own tallest: the few trials in the tails are what one looks for.
      const bars = [];
      for (const [kind, counts] of [["one", up], ["two", down]]) {
        const top = Math.sqrt(Math.max(...counts));
        counts.forEach((n, bin) => {
          if (!n) return;
          const height = Math.max(2, 88 * Math.sqrt(n) / top);
          const bar = { x: bin * width, width, height, y: kind === "one" ? 95 - height : 95 };
          for (const wrong of [false, true]) {
            const node = svg("rect", { ...bar, class: `${kind}${wrong ? " wrong" : ""}` });
            node.bin = bin;
            bars.push(node);
          }
        });
      }
      this.line = svg("line", { class: "at", y1: 0, y2: 190 });
      this.$(".hist").replaceChildren(...bars, svg("line", { class: "axis", x1: 0, x2: 1000, y1: 95, y2: 95 }), this.line);
    }

    drawCurve() {
      const points = [];
      for (let i = 0; i <= CURVE; i++) {
        const threshold = this.low + i / CURVE * (this.high - this.low);
        const value = cost(count(this.set.trials, threshold), this.costs);
        points.push(`${(1000 * i / CURVE).toFixed(1)},${(62 - 58 * Math.min(value, 1.05) / 1.05).toFixed(1)}`);
      }
      const best = this.x(least(this.set.rows, this.costs).threshold);
      this.line2 = svg("line", { class: "at", y1: 0, y2: 64 });
      this.$(".curve").replaceChildren(svg("line", { class: "axis", x1: 0, x2: 1000, y1: 62, y2: 62 }),
        svg("line", { class: "mark", x1: best, x2: best, y1: 0, y2: 64 }), svg("path", { d: `M${points.join("L")}` }), this.line2);
    }

    update() {
      const { trials, name } = this.set, now = count(trials, this.at), value = cost(now, this.costs), x = this.x(this.at);
      const rejected = now.misses / now.targets, accepted = now.falseAccepts / now.others;
      this.fill(".false", whole(now.falseAccepts), `of ${whole(now.others)}: ${percent(accepted)}`);
      this.fill(".miss", whole(now.misses), `of ${whole(now.targets)}: ${percent(rejected)}`);
      const best = least(this.set.rows, this.costs);
      this.fill(".cost", value < 10 ? value.toFixed(2) : whole(Math.round(value)), `1 = not listening; least here ${best.value.toFixed(2)}`);
      for (const line of [this.line, this.line2]) { line.setAttribute("x1", x); line.setAttribute("x2", x); }
      const width = 1000 / BINS;
      for (const bar of this.root.querySelectorAll("rect.wrong")) { // the part of each bar that lies on the wrong side
        const left = bar.bin * width, right = left + width, one = bar.classList.contains("one");
        const [from, to] = one ? [left, clamp(x, left, right)] : [clamp(x, left, right), right];
        bar.setAttribute("x", from);
        bar.setAttribute("width", Math.max(0, to - from));
      }
      const words = this.at.toFixed(3).replace("-", "−");
      this.$(".now").textContent = `threshold ${words}`;
      const slider = this.$(".threshold");
      slider.value = this.at;
      const told = `threshold ${words}: ${now.falseAccepts} false accepts of ${now.others}, ${now.misses} false rejects of ${now.targets}`;
      slider.setAttribute("aria-valuetext", told);
      this.$(".hist").setAttribute("aria-label", `Scores of ${name}. At ${told}, cost ${value.toFixed(2)}.`);
      this.listErrors();
      clearTimeout(this.telling);
      this.telling = setTimeout(() => { this.$(".sr").textContent = `At ${told}; cost ${value.toFixed(2)}.`; }, 400);
    }

    fill(kind, number, words) {
      this.$(`.counts ${kind} output`).textContent = number;
      this.$(`.counts ${kind} span`).textContent = words;
    }

    listErrors() {
      const { trials, names, sounds } = this.set;
      const errors = nearestErrors(trials, this.at, (index) => index in sounds, LISTED);
      for (const [kind, list] of [["false", errors.falseAccepts], ["miss", errors.misses]]) {
        const key = list.map(({ first, second }) => `${first},${second}`).join(";") || "none";
        const ul = this.$(`.errors .${kind} ul`);
        if (ul.dataset.key === `${this.chosen}:${key}`) continue; // the same errors: leave buttons and focus alone
        ul.dataset.key = `${this.chosen}:${key}`;
        const items = list.map(({ score, first, second }) => {
          const item = document.createElement("li"), row = document.createElement("div");
          item.append(`score ${score.toFixed(2).replace("-", "−")}`, row);
          for (const index of [first, second]) {
            const button = document.createElement("button");
            button.dataset.sound = index;
            button.textContent = `▶ ${names[index]}`;
            row.append(button);
          }
          return item;
        });
        if (!items.length) {
          items.push(document.createElement("li"));
          items[0].textContent = "none among the stretches whose sound is in this page";
        }
        ul.replaceChildren(...items);
      }
    }

    play(button) {
      const again = this.button === button;
      sounding?.stop();
      if (again) return;
      this.audio = new Audio(this.set.sounds[button.dataset.sound]);
      this.audio.addEventListener("ended", () => this.stop());
      this.button = button;
      button.setAttribute("aria-pressed", "true");
      sounding = this;
      this.audio.play().catch(() => this.stop());
    }

    stop() {
      this.audio?.pause();
      this.button?.removeAttribute("aria-pressed");
      this.audio = this.button = null;
      if (sounding === this) sounding = null;
    }
  }

  customElements.define("threshold-explorer", ThresholdExplorerElement);
})();
