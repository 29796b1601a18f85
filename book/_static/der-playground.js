// <der-playground>: drag the turns of a reference and a hypothesis over real audio and watch the diarization error.
//
// One file, no dependency, no network. Three parts: scoring (pure functions), RTTM (pure functions), the element.
// The pure functions are in globalThis.DerPlayground; the scoring follows diarbook.metrics.diarization_error and
// tests/browser/test_playground.py compares the two.
(() => {
  "use strict";
  if (globalThis.DerPlayground) return; // every embedded playground brings this script; the first one counts

  // ------------------------------------------------------------------------------------------------ scoring

  const NANOSECONDS = 1e9;
  const KINDS = ["missed", "false_alarm", "confusion"];
  const NO_SPEECH = "the reference has no speech in the scored region";

  /** Whole nanoseconds, so that equal times compare equal: 1.1 + 0.25 and 1.6 - 0.25 do not, as floats. */
  const nanoseconds = (seconds) => Math.round(seconds * NANOSECONDS);

  /** [start, end, speaker] in seconds to whole nanoseconds: one speaker's overlapping turns joined, empty ones gone. */
  function mergeTurns(turns) {
    const bySpeaker = new Map();
    for (const [start, end, speaker] of turns) {
      if (!(Number.isFinite(start) && Number.isFinite(end) && end >= start)) {
        throw new RangeError(`turn of ${speaker}: needs finite times and end >= start, got ${start} to ${end}`);
      }
      if (!bySpeaker.has(speaker)) bySpeaker.set(speaker, []);
      bySpeaker.get(speaker).push([nanoseconds(start), nanoseconds(end)]);
    }
    return [...bySpeaker].flatMap(([speaker, spans]) => joinSpans(spans).map(([start, end]) => [start, end, speaker]));
  }

  function joinSpans(spans) {
    const joined = [];
    for (const [start, end] of [...spans].sort((a, b) => a[0] - b[0])) {
      if (end <= start) continue;
      const last = joined[joined.length - 1];
      if (last && start <= last[1]) last[1] = Math.max(last[1], end);
      else joined.push([start, end]);
    }
    return joined;
  }

  /**
   * For each row of a matrix of BigInt >= 0 the column it is given, or -1: one to one, with the largest sum.
   * The Hungarian method by shortest augmenting paths; whole numbers, so ties are ties.
   */
  function assignLargest(matrix, columns) {
    const rows = matrix.length;
    if (!rows || !columns) return new Array(rows).fill(-1);
    if (rows > columns) {
      const transposed = Array.from({ length: columns }, (_, c) => matrix.map((row) => row[c]));
      const back = new Array(rows).fill(-1);
      assignLargest(transposed, rows).forEach((r, c) => { back[r] = c; });
      return back;
    }
    const rowPrice = new Array(rows + 1).fill(0n), columnPrice = new Array(columns + 1).fill(0n);
    const owner = new Array(columns + 1).fill(0), previous = new Array(columns + 1).fill(0); // column 0 is the virtual start
    for (let r = 1; r <= rows; r++) {
      owner[0] = r;
      let column = 0;
      const slack = new Array(columns + 1).fill(null), seen = new Array(columns + 1).fill(false);
      do {
        seen[column] = true;
        const row = owner[column];
        let delta = null, next = 0;
        for (let c = 1; c <= columns; c++) {
          if (seen[c]) continue;
          const reduced = -matrix[row - 1][c - 1] - rowPrice[row] - columnPrice[c];
          if (slack[c] === null || reduced < slack[c]) { slack[c] = reduced; previous[c] = column; }
          if (delta === null || slack[c] < delta) { delta = slack[c]; next = c; }
        }
        for (let c = 0; c <= columns; c++) {
          if (seen[c]) { rowPrice[owner[c]] += delta; columnPrice[c] -= delta; } else slack[c] -= delta;
        }
        column = next;
      } while (owner[column]);
      do { const from = previous[column]; owner[column] = owner[from]; column = from; } while (column);
    }
    const given = new Array(rows).fill(-1);
    for (let c = 1; c <= columns; c++) if (owner[c]) given[owner[c] - 1] = c - 1;
    return given;
  }

  /** Time cut wherever anything changes: who speaks in each cell, and whether it is scored. Nanoseconds. */
  function cut(reference, hypothesis, collar, skipOverlap, uem) {
    const events = [];
    const add = (start, end, kind, who) => { events.push([start, 1, kind, who], [end, -1, kind, who]); };
    for (const [start, end, who] of reference) {
      add(start, end, "reference", who);
      if (collar > 0) {
        add(start - collar, start + collar, "collar");
        add(end - collar, end + collar, "collar");
      }
    }
    for (const [start, end, who] of hypothesis) add(start, end, "hypothesis", who);
    if (uem) for (const [start, end] of joinSpans(uem.map((span) => span.map(nanoseconds)))) add(start, end, "uem");
    events.sort((a, b) => a[0] - b[0]);
    const active = { reference: new Set(), hypothesis: new Set() };
    let collars = 0, regions = uem ? 0 : 1;
    const cells = [];
    events.forEach(([time, step, kind, who], i) => {
      if (kind === "collar") collars += step;
      else if (kind === "uem") regions += step;
      else if (step > 0) active[kind].add(who);
      else active[kind].delete(who);
      const end = events[i + 1]?.[0] ?? time;
      if (end === time) return;
      let excluded = null;
      if (regions < 1) excluded = "uem";
      else if (collars > 0) excluded = "collar";
      else if (skipOverlap && active.reference.size > 1) excluded = "overlap";
      cells.push({ start: time, end, excluded, reference: [...active.reference], hypothesis: [...active.hypothesis] });
    });
    return cells;
  }

  /**
   * Diarization error in exact continuous time; the same as diarbook.metrics.diarization_error and error_timeline.
   *
   * reference, hypothesis: arrays of [start, end, speaker], seconds.
   * collar: seconds removed on EACH side of every boundary of the merged reference.
   * skipOverlap: leave out the time in which two or more reference speakers talk.
   * uem: [[start, end], ...] to score, or null for all that either side mentions.
   * mapping: match speakers "before_collar" or "after_collar" and overlap are removed.
   *
   * Returns {missed, falseAlarm, confusion, total, rate, reason, mapping, shared, errors, excluded}: seconds; the
   * reference speaker of each matched hypothesis speaker and the seconds they share; what is wrong when; what is not
   * scored. rate is NaN, with a reason, where there is nothing to score.
   */
  function scoreDiarization(reference, hypothesis, options = {}) {
    const { collar = 0, skipOverlap = false, uem = null, mapping: mappedOn = "before_collar" } = options;
    if (!(Number.isFinite(collar) && collar >= 0)) throw new RangeError(`collar must be 0 s or more, got ${collar}`);
    if (!["before_collar", "after_collar"].includes(mappedOn)) {
      throw new RangeError(`mapping must be before_collar or after_collar, got ${mappedOn}`);
    }
    const cells = cut(mergeTurns(reference), mergeTurns(hypothesis), nanoseconds(collar), skipOverlap, uem);
    const { mapping, shared } = bestMapping(cells, mappedOn === "after_collar");

    const sums = { missed: 0, false_alarm: 0, confusion: 0 }, errors = [], excluded = [];
    let total = 0, open = new Map();
    for (const cell of cells) {
      const now = new Map();
      if (cell.excluded) {
        const last = excluded[excluded.length - 1];
        if (last?.end === cell.start && last.why === cell.excluded) last.end = cell.end;
        else excluded.push({ start: cell.start, end: cell.end, why: cell.excluded });
      } else {
        total += cell.reference.length * (cell.end - cell.start);
        for (const [kind, who, guess] of wrongs(cell, mapping)) {
          sums[kind] += cell.end - cell.start;
          const key = JSON.stringify([kind, who, guess]);
          let span = open.get(key);
          if (span?.end === cell.start) span.end = cell.end;
          else errors.push(span = { start: cell.start, end: cell.end, kind, reference: who, hypothesis: guess });
          now.set(key, span);
        }
      }
      open = now;
    }
    for (const span of [...errors, ...excluded]) { span.start /= NANOSECONDS; span.end /= NANOSECONDS; }
    errors.sort((a, b) => a.start - b.start || a.end - b.end);
    const wrong = sums.missed + sums.false_alarm + sums.confusion;
    return {
      missed: sums.missed / NANOSECONDS, falseAlarm: sums.false_alarm / NANOSECONDS,
      confusion: sums.confusion / NANOSECONDS, total: total / NANOSECONDS,
      rate: total > 0 ? wrong / total : NaN, reason: total > 0 ? null : NO_SPEECH, mapping, shared, errors, excluded,
    };
  }

  /** The one-to-one match that shares most time; of several, one that leaves the least confusion. */
  function bestMapping(cells, onScored) {
    const namesOf = (side) => [...new Set(cells.flatMap((cell) => cell[side]))];
    const guesses = namesOf("hypothesis"), people = namesOf("reference");
    const row = new Map(guesses.map((name, i) => [name, i])), column = new Map(people.map((name, i) => [name, i]));
    const zeros = () => guesses.map(() => new Array(people.length).fill(0));
    const together = zeros(), scored = zeros();
    for (const cell of cells) {
      if (cell.excluded === "uem") continue;
      for (const guess of cell.hypothesis) {
        for (const who of cell.reference) {
          const length = cell.end - cell.start, i = row.get(guess), j = column.get(who);
          if (!cell.excluded) scored[i][j] += length;
          if (!onScored || !cell.excluded) together[i][j] += length;
        }
      }
    }
    // Shared time first, scored time second: one number that compares like the pair.
    const scale = BigInt(scored.flat().reduce((a, b) => a + b, 0)) + 1n;
    const worth = together.map((values, i) => values.map((value, j) => BigInt(value) * scale + BigInt(scored[i][j])));
    const mapping = {}, shared = {};
    assignLargest(worth, people.length).forEach((j, i) => {
      if (j < 0 || !together[i][j]) return;
      mapping[guesses[i]] = people[j];
      shared[guesses[i]] = together[i][j] / NANOSECONDS;
    });
    return { mapping, shared };
  }

  /** Errors of a cell: wrong speakers are paired as confusions, who is left over is missed or a false alarm. */
  function wrongs(cell, mapping) {
    const right = cell.hypothesis.filter((guess) => cell.reference.includes(mapping[guess]));
    const found = right.map((guess) => mapping[guess]);
    const lost = cell.reference.filter((who) => !found.includes(who)).sort();
    const wrong = cell.hypothesis.filter((guess) => !right.includes(guess)).sort();
    const both = Math.min(lost.length, wrong.length);
    return [
      ...lost.slice(0, both).map((who, i) => ["confusion", who, wrong[i]]),
      ...lost.slice(both).map((who) => ["missed", who, null]),
      ...wrong.slice(both).map((guess) => ["false_alarm", null, guess]),
    ];
  }

  // --------------------------------------------------------------------------------------------------- RTTM

  const RECORD_TYPES = new Set(("SPEAKER SEGMENT NOSCORE NO_RT_METADATA LEXEME NON-LEX NON-SPEECH FILLER EDIT IP SU CB " +
    "A/P SPKR-INFO").split(" "));
  const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

  /** {recordings: {name: [[start, end, speaker], ...]}, errors: ["file:line: what and remedy", ...]} */
  function parseRttm(text, file = "pasted text") {
    const recordings = {}, errors = [];
    text.replace(/^\uFEFF/, "").normalize("NFC").split("\n").forEach((line, index) => {
      const fields = line.trim().split(/\s+/), place = `${file}:${index + 1}`;
      if (!fields[0] || /^[;#]/.test(fields[0])) return;
      if (!RECORD_TYPES.has(fields[0])) {
        errors.push(`${place}: a line starts with a record type such as SPEAKER, got “${fields[0].slice(0, 40)}”`);
        return;
      }
      if (fields[0] !== "SPEAKER") return;
      if (fields.length < 8 || fields.length > 10) {
        errors.push(`${place}: a SPEAKER line has 10 fields (8 at least), got ${fields.length}`);
        return;
      }
      const times = [["start", fields[3]], ["duration", fields[4]]].map(([name, value]) => {
        if (!NUMBER.test(value)) errors.push(`${place}: ${name} must be a number of seconds, got “${value.slice(0, 40)}”`);
        else if (!(Number(value) >= 0 && Number(value) < 1e7)) {
          errors.push(`${place}: ${name} must be 0 or more and finite, got “${value.slice(0, 40)}”`);
        } else return Number(value);
        return NaN;
      });
      if (times.some(Number.isNaN)) return;
      (recordings[fields[1]] ??= []).push([times[0], round6(times[0] + times[1]), fields[7]]);
    });
    if (!errors.length && !Object.keys(recordings).length) errors.push(`${file}: holds no SPEAKER line`);
    return { recordings, errors };
  }

  const round6 = (value) => Math.round(value * 1e6) / 1e6;
  const seconds3 = (value) => value.toFixed(6).replace(/0{1,3}$/, ""); // milliseconds, finer only when the data is

  function formatRttm(turns, recording) {
    return [...turns].sort((a, b) => a[0] - b[0] || a[1] - b[1]).map(([start, end, speaker]) =>
      `SPEAKER ${recording} 1 ${seconds3(round6(start))} ${seconds3(round6(end) - round6(start))} ` +
      `<NA> <NA> ${speaker} <NA> <NA>\n`).join("");
  }

  globalThis.DerPlayground = { scoreDiarization, mergeTurns, assignLargest, parseRttm, formatRttm };
  if (!globalThis.customElements) return; // scoring alone, outside a browser

  // ------------------------------------------------------------------------------------------------ element

  const PALETTE = ["#0072b2", "#d55e00", "#009e73", "#a65ae0", "#8a6d00", "#d6418f", "#2a9db8", "#6e7781"]; // when the case brings none
  const SIDES = ["reference", "hypothesis"];
  const SMALL = 0.01, LARGE = 0.1, SHORTEST = 0.01, ZOOMS = [1, 2, 4, 8, 16];
  const ICONS = {
    play: "M5 3.5v13l11-6.5z", pause: "M5 4h3.5v12H5zM11.5 4H15v12h-3.5z",
    undo: "M8 3 3 7.5 8 12V9c4 0 6.5 1.5 8.5 5C16 9 13 6.2 8 6z", redo: "M12 3l5 4.5-5 4.5V9c-4 0-6.5 1.5-8.5 5C4 9 7 6.2 12 6z",
    add: "M9 4h2v5h5v2h-5v5H9v-5H4V9h5z", remove: "M7.5 2.5h5V4H17v2H3V4h4.5zM4.5 7h11l-.8 10.5h-9.4z",
    reset: "M10 3a7 7 0 1 1-6.6 4.7l1.9.7A5 5 0 1 0 10 5v3L5.5 4 10 0z", larger: "M9 4h2v5h5v2h-5v5H9v-5H4V9h5z", smaller: "M4 9h12v2H4z",
  };
  const icon = (name) => `<svg viewBox="0 0 20 20" width="16" height="16" aria-hidden="true"><path d="${ICONS[name]}"/></svg>`;

  const STYLE = `
:host{display:block;margin:1.25rem 0;max-width:100%;
  --page:#fff;--panel:#f6f8fa;--line:#d8dee4;--ink:#1c2128;--soft:#57606a;--accent:#0072b2;--lane:#eef1f5;--wave:#8c959f;
  --missed:#6e7781;--falsealarm:#8a6d00;--confusion:#d6418f;--unmapped:#9aa3ad;--hatch:rgba(28,33,40,.24);--bad:#b3261e;
  color:var(--ink);font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;text-align:left}
:host([hidden]){display:none}
.box.dark{--page:#161b22;--panel:#1c232c;--line:#30363d;--ink:#e6edf3;--soft:#9aa4af;--accent:#58a6e0;--lane:#242c36;--wave:#768390;
  --unmapped:#7d8793;--hatch:rgba(230,237,243,.26);--bad:#ff938a;color-scheme:dark}
*{box-sizing:border-box}
.box{container-type:inline-size;background:var(--page);color:var(--ink);border:1px solid var(--line);border-radius:12px;overflow:hidden;
  --label:136px;--row:30px;--thin:20px;accent-color:var(--accent)}
.box.target{outline:3px dashed var(--accent);outline-offset:-4px}
header{padding:12px 16px 10px;border-bottom:1px solid var(--line);background:var(--panel)}
h3{margin:0 0 6px;font-size:1rem;font-weight:650;line-height:1.3}
h3:empty{display:none}
.score{display:grid;grid-template-columns:auto 1fr;gap:4px 18px;align-items:center}
.der{grid-row:span 2;font-variant-numeric:tabular-nums;line-height:1;min-width:7.2ch}
.der small{display:block;font-size:.75rem;color:var(--soft);margin-bottom:4px}
.der output{font-size:2rem;font-weight:700;letter-spacing:-.02em;white-space:nowrap}
.bar{position:relative;height:16px;background:var(--lane);border-radius:4px;display:flex;overflow:hidden;min-width:0}
.bar i{display:block;height:100%;flex:none}
.bar b{position:absolute;top:0;bottom:0;width:2px;background:var(--ink);box-shadow:0 0 0 1.5px var(--page)}
.parts{display:flex;flex-wrap:wrap;gap:2px 16px;margin:0;padding:0;list-style:none;font-size:.84rem;font-variant-numeric:tabular-nums}
.parts li{white-space:nowrap;margin:0}
.parts li::before{content:"";display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:6px;background:var(--c,transparent)}
.parts li:last-child::before{display:none}
.parts b{font-weight:650}
.parts span{color:var(--soft)}
.reason{grid-column:1/-1;margin:2px 0 0;font-size:.84rem;color:var(--bad)}
.reason:empty{display:none}
[data-kind=missed]{--c:var(--missed);--pattern:none}
[data-kind=false_alarm]{--c:var(--falsealarm);--pattern:repeating-linear-gradient(45deg,rgba(255,255,255,.5) 0 2px,transparent 2px 6px)}
[data-kind=confusion]{--c:var(--confusion);--pattern:repeating-linear-gradient(90deg,rgba(255,255,255,.45) 0 2px,transparent 2px 5px)}
.bar i,.error{background-color:var(--c);background-image:var(--pattern)}
.options,.tools,.inspector{display:flex;flex-wrap:wrap;gap:8px 14px;align-items:center;padding:9px 16px;border-bottom:1px solid var(--line);font-size:.88rem}
.tools{gap:6px}
.options label{display:inline-flex;gap:8px;align-items:center;min-height:28px}
.whole{white-space:nowrap}
.options output{font-variant-numeric:tabular-nums;min-width:4.2ch}
input[type=range]{width:120px;margin:0}
button,select,input[type=number],input[type=text],textarea{font:inherit;font-size:.86rem;color:var(--ink);background:var(--page);border:1px solid var(--line);border-radius:6px}
button,select,input[type=number],input[type=text]{min-height:32px;padding:2px 9px;margin:0}
button{display:inline-flex;align-items:center;gap:6px;cursor:pointer;white-space:nowrap}
button svg{fill:currentColor;flex:none}
button:hover:not(:disabled){border-color:var(--accent);color:var(--accent)}
button:disabled{opacity:.45;cursor:default}
button.main{background:var(--accent);border-color:var(--accent);color:var(--page);font-weight:600;min-width:86px}
button.main:hover:not(:disabled){color:var(--page);filter:brightness(1.08)}
:focus{outline:none}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.space{flex:1}
.clock{font-variant-numeric:tabular-nums;color:var(--soft);white-space:nowrap;padding:0 4px}
.scroll{overflow-x:auto;overflow-y:hidden;position:relative;border-bottom:1px solid var(--line)}
.sheet{position:relative;width:calc(var(--label) + (100% - var(--label) - 12px)*var(--zoom,1) + 12px);padding:6px 12px 8px 0;user-select:none;-webkit-user-select:none}
.line{display:grid;grid-template-columns:var(--label) minmax(0,1fr);align-items:stretch}
.name{position:sticky;left:0;z-index:6;background:var(--page);padding:0 8px 0 16px;display:flex;align-items:center;gap:6px;min-width:0;font-size:.8rem;border-right:1px solid var(--line)}
.name>span,.name>button>span{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;min-width:0}
.track{position:relative;min-width:0;touch-action:pan-x pan-y}
.ruler .track{height:20px;touch-action:pan-y;cursor:text}
.ruler .track i{position:absolute;bottom:0;height:5px;width:1px;background:var(--soft)}
.ruler .track em{position:absolute;top:0;transform:translateX(-50%);font-size:.7rem;font-style:normal;color:var(--soft);font-variant-numeric:tabular-nums;white-space:nowrap}
.ruler .track em.first{transform:none}.ruler .track em.last{transform:translateX(-100%)}
.wave .track{height:54px;touch-action:pan-y;cursor:text}
.wave svg{position:absolute;inset:0;width:100%;height:100%;display:block}
.wave path{fill:var(--wave)}
.wave .name{color:var(--soft)}
.group{position:relative;z-index:4;background:var(--page);margin-top:4px}
.group .name{font-weight:650;border-right-color:transparent;overflow:visible;height:26px;align-items:end;white-space:nowrap}
.group .name>span{overflow:visible;background:var(--page);padding-right:6px;border-radius:3px}
.group .track{height:26px;display:flex;justify-content:flex-end;align-items:end}
.group button{border:0;background:none;min-height:24px;padding:0 2px;font-size:.78rem;color:var(--soft);position:sticky;right:4px}
.lane{margin-top:3px}
.lane .track{height:var(--row);background:var(--lane);border-radius:4px}
.lane .name button{border:0;background:none;padding:0 3px 0 0;min-height:var(--row);width:100%;min-width:0;font-size:.8rem;display:flex;gap:6px;justify-content:flex-start}
.lane .name button::before{content:"";width:10px;height:10px;flex:none;border-radius:3px;background:var(--speaker)}
.lane.chosen .track{box-shadow:inset 0 0 0 2px var(--accent)}
.turn{position:absolute;top:3px;bottom:3px;min-width:2px;border-radius:4px;background:var(--speaker);cursor:grab;overflow:hidden;color:#fff;font-size:.7rem;display:flex;align-items:center;padding:0}
.turn.unmapped{background-image:repeating-linear-gradient(45deg,rgba(255,255,255,.28) 0 3px,transparent 3px 8px)}
.turn[aria-pressed=true]{box-shadow:0 0 0 2px var(--page),0 0 0 4px var(--ink);overflow:visible;z-index:2;touch-action:none}
.dragging,.dragging *{cursor:grabbing!important}
.handle{position:absolute;top:-1px;bottom:-1px;width:18px;z-index:4;cursor:ew-resize;touch-action:none;margin-left:-9px}
.handle.inner-start{margin-left:-4px}.handle.inner-end{margin-left:-14px}
.handle::after{content:"";position:absolute;top:5px;bottom:5px;left:50%;width:5px;margin-left:-2.5px;border-radius:3px;background:var(--page);border:1.5px solid var(--ink)}
.handle:focus-visible{outline:none}
.handle:focus-visible::after{background:var(--ink);border-color:var(--page);outline:3px solid var(--ink);outline-offset:0}
.turn:focus-visible{outline-offset:4px}
.turn .edge{position:absolute;top:0;bottom:0;width:min(8px,30%);cursor:ew-resize}
.turn .edge:first-child{left:0}.turn .edge:last-child{right:0}
.errors{margin-top:3px}
.errors .track{height:var(--thin);background:var(--lane);border-radius:4px}
.errors .name{color:var(--soft);font-size:.76rem}
.errors .name::before{content:"";width:10px;height:10px;flex:none;border-radius:2px;background:var(--c)}
.error{position:absolute;min-width:3px;border-radius:3px;cursor:pointer;border:0;padding:0}
.error:hover{filter:brightness(1.15)}
.over{position:absolute;left:var(--label);right:12px;top:0;bottom:0;pointer-events:none;z-index:3;overflow:hidden}
.over .out{position:absolute;top:84px;bottom:8px;background:repeating-linear-gradient(-45deg,var(--hatch) 0 2px,transparent 2px 7px)}
.over .out.overlap{background:repeating-linear-gradient(45deg,var(--hatch) 0 2px,transparent 2px 7px)}
.over .out.uem{background:var(--hatch)}
.over .stretch{position:absolute;top:0;bottom:0;background:color-mix(in srgb,var(--accent) 16%,transparent);border:solid var(--accent);border-width:0 1px}
.over .cursor{position:absolute;top:0;bottom:0;width:2px;margin-left:-1px;background:var(--accent)}
.over .cursor::before{content:"";position:absolute;top:0;left:-4px;border:5px solid transparent;border-top-color:var(--accent)}
.inspector{gap:8px 10px;min-height:52px;background:var(--panel)}
.inspector p{margin:0;color:var(--soft)}
.inspector label{display:inline-flex;align-items:center;gap:6px}
.inspector input[type=number]{width:78px;padding-right:2px;font-variant-numeric:tabular-nums}
.inspector input[type=text]{width:130px}
.inspector select{max-width:150px}
.mapping{padding:10px 16px;font-size:.86rem;border-bottom:1px solid var(--line)}
.mapping p{margin:0 0 6px;color:var(--soft)}
.mapping ul{display:flex;flex-wrap:wrap;gap:6px;margin:0;padding:0;list-style:none}
.mapping li{border:1px solid var(--line);border-left:5px solid var(--speaker);border-radius:6px;padding:2px 9px;font-variant-numeric:tabular-nums;margin:0;overflow-wrap:anywhere}
.mapping li span{color:var(--soft)}
details{border-bottom:1px solid var(--line);font-size:.88rem}
details:last-of-type{border:0}
summary{padding:9px 16px;cursor:pointer;font-weight:600}
.body{padding:0 16px 14px}
.body .row .row{margin:0 14px 0 0}.row b{min-width:84px}
.body .row{display:flex;flex-wrap:wrap;gap:6px 8px;align-items:center;margin-bottom:8px}
textarea{width:100%;min-height:96px;padding:8px;font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;resize:vertical;white-space:pre;overflow:auto;display:block;margin-bottom:8px}
.note{margin:0;padding:0 16px;font-size:.88rem;overflow-wrap:anywhere}
.note:not(:empty){padding:9px 16px;border-bottom:1px solid var(--line)}
.note.bad{color:var(--bad);font-weight:550}
.note ul{margin:4px 0 0;padding-left:1.2em}
dl{display:grid;grid-template-columns:max-content 1fr;gap:3px 14px;margin:0}
dt{font-weight:600}dd{margin:0}
kbd{white-space:nowrap;font:inherit;font-size:.8rem;border:1px solid var(--line);border-bottom-width:2px;border-radius:4px;padding:0 5px;background:var(--page)}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@container (max-width:760px){.tools .word{display:none}.tools .main .word,.tools [data-do=add] .word,.tools [data-do=remove] .word{display:inline}}
@container (max-width:560px){
  header,.options,.tools,.inspector,.mapping,summary{padding-left:12px;padding-right:12px}
  .body{padding-left:12px;padding-right:12px}
  .scroll,.sheet{--label:112px}.name{padding:0 3px 0 10px;font-size:.74rem}.lane .name button,.errors .name{font-size:.7rem;gap:5px}
  .score{grid-template-columns:minmax(0,1fr)}.der{grid-row:auto;display:flex;align-items:baseline;gap:8px}.der small{margin:0}
  .parts{display:grid;grid-template-columns:max-content max-content;font-size:.78rem;gap:2px 12px}
  .tools [data-do=add] .word,.tools [data-do=remove] .word{display:none}
  .tools button{min-width:38px;justify-content:center}
  button.main{min-width:78px}
  .options{gap:6px 12px}
  dl{grid-template-columns:1fr}dd{margin-bottom:5px}
}
@container (max-width:400px){.parts{grid-template-columns:1fr}input[type=range]{width:84px}}
@media (pointer:coarse){.box{--row:40px;--thin:28px}button,select,input[type=number],input[type=text]{min-height:40px}
  .handle{width:32px;margin-left:-16px}.handle.inner-start{margin-left:-10px}.handle.inner-end{margin-left:-22px}}
@media (forced-colors:active){.turn,.error,.bar i{forced-color-adjust:none}}
@media print{.tools,.inspector,details,.options{display:none}}
`;

  const BODY = `
<div class="box" part="box">
  <header>
    <h3></h3>
    <div class="score">
      <div class="der"><small>DER</small><output></output></div>
      <div class="bar" role="img"></div>
      <ul class="parts"></ul>
      <p class="reason"></p>
    </div>
  </header>
  <div class="options" role="group" aria-label="How it is scored">
    <label>Collar <input type="range" class="collar" min="0" max="1" step="0.05"> <span class="whole"><output class="collar-value"></output> each side</span></label>
    <label><input type="checkbox" class="skip"> skip overlap</label>
    <label>Map <select class="mapping-on" aria-label="Map names before or after the collar is removed"><option value="before_collar">before collar</option>
      <option value="after_collar">after collar</option></select></label>
  </div>
  <div class="tools" role="toolbar" aria-label="Play and edit">
    <button class="main" data-do="play">${icon("play")}<span class="word">Play</span></button><span class="clock"></span>
    <span class="space"></span>
    <button data-do="undo" aria-label="Undo">${icon("undo")}<span class="word">Undo</span></button>
    <button data-do="redo" aria-label="Redo">${icon("redo")}<span class="word">Redo</span></button>
    <button data-do="add" aria-label="Add a turn">${icon("add")}<span class="word">Turn</span></button>
    <button data-do="remove" aria-label="Delete the turn">${icon("remove")}<span class="word">Delete</span></button>
    <button data-do="reset" aria-label="Start again with the case as given">${icon("reset")}<span class="word">Reset</span></button>
    <button data-do="smaller" aria-label="Zoom out">${icon("smaller")}</button>
    <button data-do="larger" aria-label="Zoom in">${icon("larger")}</button>
  </div>
  <div class="scroll"><div class="sheet" role="group" aria-label="Turns over time">
    <div class="line ruler"><div class="name"></div><div class="track"></div></div>
    <div class="line wave"><div class="name"><span>audio</span></div><div class="track" role="slider" tabindex="0" aria-label="Cursor over the waveform" aria-valuemin="0"></div></div>
    <div class="lanes" data-side="reference"></div>
    <div class="lanes" data-side="hypothesis"></div>
    <div class="line group"><div class="name"><span>Errors (click to hear)</span></div><div class="track"></div></div>
    <div class="errorlanes"></div>
    <div class="over"><div class="outs"></div><div class="stretch" hidden></div><div class="cursor"></div></div>
  </div></div>
  <div class="inspector" role="group" aria-label="What is selected"></div>
  <div class="mapping"><p>Mapping: the one-to-one match of names that shares the most time</p><ul></ul></div>
  <div class="note" role="alert"></div>
  <details class="files"><summary>Save this case, or open another (RTTM)</summary><div class="body">
    <div class="row"><span class="row"><b>Reference</b><button data-do="copy" data-side="reference">Copy</button><button data-do="download" data-side="reference">Download</button></span>
      <span class="row"><b>Hypothesis</b><button data-do="copy" data-side="hypothesis">Copy</button><button data-do="download" data-side="hypothesis">Download</button></span></div>
    <textarea spellcheck="false" aria-label="RTTM text" placeholder="Paste RTTM here, or drop a file anywhere on this box.&#10;SPEAKER meeting 1 1.44 11.87 &lt;NA&gt; &lt;NA&gt; MEE009 &lt;NA&gt; &lt;NA&gt;"></textarea>
    <div class="row"><label>Load as <select class="load-as"><option value="hypothesis">hypothesis</option><option value="reference">reference</option></select></label>
      <button data-do="load">Load the text</button><button data-do="open">Open a file…</button><input type="file" hidden accept=".rttm,.txt,audio/*" aria-label="RTTM or audio file" tabindex="-1"></div>
  </div></details>
  <details class="help"><summary>Mouse, touch and keyboard</summary><div class="body"><dl>
    <dt>Drag an edge, or a turn</dt><dd>moves it; up or down gives it to another speaker. By touch, tap the turn first.</dd>
    <dt>Double-click (double-tap)</dt><dd>on an empty lane adds a turn; on a turn plays it.</dd>
    <dt>Click or drag the waveform</dt><dd>sets the cursor; plays the stretch. By key: <kbd>←</kbd> <kbd>→</kbd> on the waveform move the cursor, <kbd>[</kbd> and <kbd>]</kbd> mark a stretch, <kbd>Enter</kbd> plays it.</dd>
    <dt>Click a speaker’s name</dt><dd>renames the speaker. A name that exists already merges the two.</dd>
    <dt><kbd>Tab</kbd></dt><dd>goes to the turn, then to its start edge, its end edge, and the next turn.</dd>
    <dt><kbd>←</kbd> <kbd>→</kbd></dt><dd>move the edge or the turn by 10 ms, with <kbd>Shift</kbd> by 100 ms, <kbd>Page Up</kbd> <kbd>Page Down</kbd> by 1 s.</dd>
    <dt><kbd>↑</kbd> <kbd>↓</kbd></dt><dd>give the turn to the speaker above or below.</dd>
    <dt><kbd>Enter</kbd> or <kbd>Space</kbd></dt><dd>plays the turn or the error. <kbd>Esc</kbd> stops.</dd>
    <dt><kbd>N</kbd>, <kbd>Delete</kbd></dt><dd>add a turn at the cursor; delete the turn.</dd>
    <dt><kbd>Ctrl</kbd>+<kbd>Z</kbd>, <kbd>Ctrl</kbd>+<kbd>Y</kbd></dt><dd>undo, redo.</dd>
  </dl></div></details>
  <div class="sr" aria-live="polite"></div>
</div>`;

  const tidy = (seconds) => Math.round(seconds * 1000) / 1000;
  const onGrid = (seconds) => Math.round(seconds * 100) / 100;
  const wordsOf = (kind) => kind.replace("_", " ");
  const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
  const s2 = (seconds) => (Math.abs(seconds) < 5e-7 ? 0 : seconds).toFixed(2); // no "-0.00"
  const percent = (fraction) => (Number.isNaN(fraction) ? "–" : `${(100 * fraction + 1e-9).toFixed(1)} %`);

  function isDark() {
    const root = document.documentElement, body = document.body;
    const marks = [root.dataset.theme, root.getAttribute("theme"), body?.dataset.theme];
    if (marks.includes("dark")) return true;
    if (marks.includes("light")) return false;
    if (body?.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false";
    return matchMedia("(prefers-color-scheme: dark)").matches;
  }

  /** The bytes of a base64 data URI, without a request. */
  function dataUriBytes(uri) {
    const text = atob(uri.slice(uri.indexOf(",") + 1));
    return Uint8Array.from(text, (c) => c.charCodeAt(0));
  }

  /** Levels that keep errors of one kind that happen at once from hiding each other; spans sorted by start. */
  function stack(spans) {
    const ends = [];
    const levels = spans.map(({ start, end }) => {
      let level = ends.findIndex((busy) => busy <= start);
      if (level < 0) level = ends.length;
      ends[level] = end;
      return level;
    });
    return { levels, count: Math.max(ends.length, 1) };
  }

  let sounding = null; // one playground plays at a time

  class DerPlaygroundElement extends HTMLElement {
    static observedAttributes = ["case"];

    connectedCallback() {
      this.build();
      this.dataset.lmSuppressShortcuts = "true"; // JupyterLab's own keys listen before any handler of ours could stop them
      this.watchTheme();
      this.resizes = new ResizeObserver(() => this.drawRuler());
      this.resizes.observe(this.$(".scroll"));
      if (!this.given) this.readAttribute();
    }

    disconnectedCallback() {
      this.themes?.disconnect();
      this.resizes?.disconnect();
      this.stop();
    }

    attributeChangedCallback() {
      if (this.root) this.readAttribute();
    }

    readAttribute() {
      const text = this.getAttribute("case");
      if (!text) return;
      try {
        this.case = JSON.parse(text);
      } catch (error) {
        this.say(`This case cannot be read: ${error.message}`, true);
      }
    }

    /** The case as it stands now; its fields are those of diarbook.playground.Playground. */
    get case() {
      if (!this.given) return null;
      const { collar, skipOverlap, uem, mapping } = this.options;
      return { ...this.given, duration: this.duration, reference: this.reference, hypothesis: this.hypothesis, collar,
        skip_overlap: skipOverlap, uem, mapping };
    }

    set case(value) {
      this.build();
      this.given = value;
      this.name = value.name || "recording";
      this.options = { collar: value.collar ?? 0, skipOverlap: Boolean(value.skip_overlap), uem: value.uem ?? null,
        mapping: value.mapping ?? "before_collar" };
      this.turns = {}; this.speakers = {};
      for (const side of SIDES) this.fill(side, value[side] ?? []);
      this.duration = Math.max(value.duration ?? 0, ...this.allTurns().map((t) => t.end), 0.1);
      this.history = []; this.future = []; this.selected = null; this.chosenLane = null; this.zoom = 1; this.lastEdit = null;
      for (const kind of KINDS) {
        const color = value.error_colors?.[kind];
        if (color) this.$(".box").style.setProperty(`--${kind.replace("_", "")}`, color);
      }
      this.$("h3").textContent = value.title ?? "";
      this.$(".collar").value = this.options.collar;
      this.$(".skip").checked = this.options.skipOverlap;
      this.$(".mapping-on").value = this.options.mapping;
      this.setAudio(value.audio ?? null, value.peaks ?? null);
      this.applyZoom();
      this.update();
    }

    get reference() { return this.listOf("reference"); }
    get hypothesis() { return this.listOf("hypothesis"); }
    set reference(turns) { this.replace("reference", turns); }
    set hypothesis(turns) { this.replace("hypothesis", turns); }
    /** The result of scoreDiarization for what is on the screen. */
    get score() { return this.result; }

    listOf(side) {
      return this.turns[side].map((t) => [t.start, t.end, t.speaker]).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    }

    allTurns() { return SIDES.flatMap((side) => this.turns[side]); }

    fill(side, list) {
      this.nextId ??= 1;
      this.turns[side] = list.map(([start, end, speaker]) => ({ id: this.nextId++, side, start, end, speaker: String(speaker) }));
      this.speakers[side] = [...new Set([...this.turns[side]].sort((a, b) => a.start - b.start).map((t) => t.speaker))];
    }

    replace(side, list) {
      this.remember();
      this.fill(side, list);
      this.duration = Math.max(this.duration, ...this.allTurns().map((t) => t.end));
      this.selected = null;
      this.update();
    }

    // ------------------------------------------------------------------------------------------- building

    $(selector) { return this.root.querySelector(selector); }

    build() {
      if (this.root) return;
      this.root = this.attachShadow({ mode: "open" });
      this.root.innerHTML = `<style>${STYLE}</style>${BODY}`;
      this.audio = new Audio();
      this.audio.preload = "auto";
      this.nodes = new Map();
      this.at = 0;
      this.$(".collar").addEventListener("input", (e) => this.setOption("collar", Number(e.target.value)));
      this.$(".skip").addEventListener("change", (e) => this.setOption("skipOverlap", e.target.checked));
      this.$(".mapping-on").addEventListener("change", (e) => this.setOption("mapping", e.target.value));
      this.root.addEventListener("click", (e) => {
        const button = e.target.closest("[data-do]");
        if (button) this.act(button.dataset.do, button);
      });
      this.$("input[type=file]").addEventListener("change", (e) => {
        if (e.target.files[0]) this.openFile(e.target.files[0], this.$(".load-as").value);
        e.target.value = "";
      });
      const sheet = this.$(".sheet");
      sheet.addEventListener("pointerdown", (e) => this.pointerDown(e));
      sheet.addEventListener("pointermove", (e) => this.pointerMove(e));
      sheet.addEventListener("pointerup", (e) => this.pointerUp(e));
      sheet.addEventListener("pointercancel", () => this.cancelDrag());
      // Focus by pointer selects nothing: the click does, when the press was no drag.
      sheet.addEventListener("pointerdown", () => { this.pressing = true; }, true);
      for (const end of ["pointerup", "pointercancel"]) addEventListener(end, () => { this.pressing = false; });
      sheet.addEventListener("click", (e) => this.clicked(e));
      sheet.addEventListener("focusin", (e) => this.focused(e));
      this.root.addEventListener("keydown", (e) => this.keyDown(e));
      const box = this.$(".box");
      box.addEventListener("dragover", (e) => { e.preventDefault(); box.classList.add("target"); });
      box.addEventListener("dragleave", (e) => { if (!box.contains(e.relatedTarget)) box.classList.remove("target"); });
      box.addEventListener("drop", (e) => this.dropped(e));
      box.addEventListener("paste", (e) => {
        const text = e.clipboardData?.getData("text/plain") ?? "";
        if (e.target.matches("input") || !/^\s*(SPEAKER|;;|SPKR-INFO)/m.test(text)) return;
        e.preventDefault();
        this.$("textarea").value = text;
        this.loadRttm(text, "pasted text", this.$(".load-as").value);
      });
      this.audio.addEventListener("ended", () => this.stop());
      this.audio.addEventListener("error", () => {
        if (this.audio.getAttribute("src")) this.say("This browser cannot play the audio of this case.", true);
      });
    }

    watchTheme() {
      const apply = () => this.$(".box").classList.toggle("dark", isDark());
      this.themes?.disconnect();
      this.themes = new MutationObserver(apply);
      const what = { attributes: true, attributeFilter: ["data-theme", "theme", "data-jp-theme-light"] };
      this.themes.observe(document.documentElement, what);
      if (document.body) this.themes.observe(document.body, what);
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", apply);
      apply();
    }

    setOption(name, value) {
      this.options[name] = value;
      this.update();
      this.announce(this.summary());
    }

    // ------------------------------------------------------------------------------------------- history

    snapshot() {
      return JSON.stringify({ turns: this.turns, speakers: this.speakers, duration: this.duration });
    }

    /** Keep the state before an edit; edits of one key follow each other as one step. */
    remember(key = null) {
      const now = performance.now();
      if (key && this.lastEdit?.key === key && now - this.lastEdit.time < 1000) {
        this.lastEdit.time = now;
        return;
      }
      this.lastEdit = { key, time: now };
      this.history.push(this.snapshot());
      if (this.history.length > 200) this.history.shift();
      this.future = [];
    }

    travel(from, to) {
      if (!from.length) return;
      to.push(this.snapshot());
      Object.assign(this, JSON.parse(from.pop()));
      this.lastEdit = null;
      if (!this.allTurns().some((t) => t.id === this.selected)) this.selected = null;
      if (this.chosenLane && !this.speakers[this.chosenLane.side].includes(this.chosenLane.speaker)) this.chosenLane = null;
      this.update();
      this.announce(this.summary());
    }

    // ------------------------------------------------------------------------------------------- drawing

    update() {
      this.result = scoreDiarization(this.reference, this.hypothesis, this.options);
      this.drawScore();
      for (const side of SIDES) this.drawLanes(side);
      this.drawErrors();
      this.drawMapping();
      this.drawInspector();
      this.drawRuler();
      this.drawCursor();
      this.$('[data-do="undo"]').disabled = !this.history.length;
      this.$('[data-do="redo"]').disabled = !this.future.length;
      this.$('[data-do="remove"]').disabled = !this.selected;
      this.dispatchEvent(new CustomEvent("change", { detail: this.result }));
    }

    drawScore() {
      const r = this.result, parts = { missed: r.missed, false_alarm: r.falseAlarm, confusion: r.confusion };
      this.$(".der output").textContent = Number.isNaN(r.rate) ? "undefined" : percent(r.rate);
      this.$(".reason").textContent = r.reason ? `DER is undefined: ${r.reason}.` : "";
      const scale = Math.max(1, r.rate || 0), bar = this.$(".bar");
      bar.replaceChildren(...KINDS.map((kind) => {
        const part = document.createElement("i");
        part.dataset.kind = kind;
        part.style.width = `${r.total > 0 ? (100 * parts[kind]) / r.total / scale : 0}%`;
        return part;
      }));
      if (scale > 1) { // the bar is then longer than the speech: mark where 100 % lies
        const mark = document.createElement("b");
        mark.style.left = `${100 / scale}%`;
        mark.title = "100 %";
        bar.append(mark);
      }
      const list = KINDS.map((kind) => {
        const item = document.createElement("li");
        item.dataset.kind = kind;
        item.innerHTML = `${wordsOf(kind)} <b>${s2(parts[kind])} s</b> <span>${percent(parts[kind] / r.total)}</span>`;
        return item;
      });
      const total = document.createElement("li");
      total.innerHTML = `of <b>${s2(r.total)} s</b> <span>speaker time</span>`;
      this.$(".parts").replaceChildren(...list, total);
      bar.setAttribute("aria-label", this.summary());
      this.$(".collar-value").textContent = `${s2(this.options.collar)} s`;
    }

    summary() {
      const r = this.result;
      if (Number.isNaN(r.rate)) return `DER is undefined: ${r.reason}`;
      return `DER ${percent(r.rate)}: missed ${s2(r.missed)} s, false alarm ${s2(r.falseAlarm)} s, ` +
        `confusion ${s2(r.confusion)} s, of ${s2(r.total)} s`;
    }

    /** A mapped hypothesis speaker has the color of its reference speaker, so that an error is a change of color. */
    color(side, speaker) {
      const name = side === "reference" ? speaker : this.result.mapping[speaker];
      const index = this.speakers.reference.indexOf(name);
      if (index < 0) return "var(--unmapped)";
      const palette = this.given.palette ?? PALETTE;
      return this.given.colors?.[name] ?? palette[index % palette.length];
    }

    place(element, start, end) {
      element.style.left = `${(100 * start) / this.duration}%`;
      if (end !== undefined) element.style.width = `${(100 * Math.max(end - start, 0)) / this.duration}%`;
    }

    drawLanes(side) {
      const holder = this.$(`.lanes[data-side=${side}]`);
      if (!holder.firstChild) {
        holder.innerHTML = `<div class="line group"><div class="name"><span></span></div><div class="track">` +
          `<button data-do="speaker" data-side="${side}">+ speaker</button></div></div>`;
        holder.querySelector("span").textContent = side === "reference" ? "Reference: who spoke" : "Hypothesis: what a system says";
        holder.querySelector("button").setAttribute("aria-label", `Add a speaker to the ${side}`);
      }
      const lanes = new Map([...holder.querySelectorAll(".lane")].map((lane) => [lane.dataset.speaker, lane]));
      for (const [speaker, lane] of lanes) if (!this.speakers[side].includes(speaker)) { lane.remove(); lanes.delete(speaker); }
      this.speakers[side].forEach((speaker, index) => {
        let lane = lanes.get(speaker);
        if (!lane) {
          lane = document.createElement("div");
          lane.className = "line lane";
          lane.dataset.speaker = speaker; lane.dataset.side = side;
          lane.innerHTML = `<div class="name"><button data-do="lane"><span></span></button></div><div class="track" role="group"></div>`;
          lane.querySelector("span").textContent = speaker;
          const button = lane.querySelector("button");
          button.title = `${speaker}: click to rename`;
          button.setAttribute("aria-label", `${side} speaker ${speaker}: rename, or press N to add a turn at the cursor`);
          lane.querySelector(".track").setAttribute("aria-label", `${side} turns of ${speaker}`);
        }
        if (holder.children[index + 1] !== lane) holder.insertBefore(lane, holder.children[index + 1] ?? null);
        lane.style.setProperty("--speaker", this.color(side, speaker));
        lane.classList.toggle("chosen", this.chosenLane?.side === side && this.chosenLane.speaker === speaker);
        this.drawTurns(lane, side, speaker);
      });
    }

    drawTurns(lane, side, speaker) {
      const track = lane.querySelector(".track"), wanted = [];
      const mine = this.turns[side].filter((t) => t.speaker === speaker).sort((a, b) => a.start - b.start || a.id - b.id);
      for (const turn of mine) {
        let node = this.nodes.get(turn.id);
        if (!node) {
          node = document.createElement("div");
          node.className = "turn";
          node.tabIndex = 0;
          node.setAttribute("role", "button");
          node.setAttribute("aria-keyshortcuts", "ArrowLeft ArrowRight ArrowUp ArrowDown Delete N");
          node.innerHTML = `<span class="edge" data-edge="start"></span><span class="edge" data-edge="end"></span>`;
          node.dataset.id = turn.id;
          this.nodes.set(turn.id, node);
        }
        const selected = this.selected === turn.id;
        const label = `${side} ${speaker}, ${s2(turn.start)} to ${s2(turn.end)} s`;
        node.setAttribute("aria-pressed", selected);
        node.setAttribute("aria-label", label);
        node.title = label;
        node.classList.toggle("unmapped", side === "hypothesis" && !(speaker in this.result.mapping));
        this.place(node, turn.start, turn.end);
        wanted.push(node);
        if (selected) wanted.push(this.handle(turn, "start"), this.handle(turn, "end"));
      }
      const focus = this.root.activeElement;
      const same = wanted.length === track.children.length && wanted.every((node, i) => track.children[i] === node);
      if (!same) {
        track.replaceChildren(...wanted);
        if (focus && focus !== this.root.activeElement && wanted.includes(focus)) focus.focus({ preventScroll: true });
      }
      if (!this.drag) {
        const alive = new Set(this.allTurns().map((t) => t.id));
        for (const id of this.nodes.keys()) if (!alive.has(id)) this.nodes.delete(id);
      }
    }

    handle(turn, edge) {
      this.handles ??= {};
      let node = this.handles[edge];
      if (!node) {
        node = this.handles[edge] = document.createElement("div");
        node.tabIndex = 0;
        node.setAttribute("role", "slider");
        node.setAttribute("aria-orientation", "horizontal");
        node.dataset.edge = edge;
      }
      const width = this.$(".ruler .track").clientWidth * (turn.end - turn.start) / this.duration;
      node.className = `handle${width > 44 ? ` inner-${edge}` : ""}`; // on a short turn the handles stand outside it
      node.dataset.id = turn.id;
      node.setAttribute("aria-label", `${edge} of ${turn.side} ${turn.speaker}`);
      node.setAttribute("aria-valuemin", edge === "start" ? 0 : tidy(turn.start));
      node.setAttribute("aria-valuemax", edge === "start" ? tidy(turn.end) : tidy(this.duration));
      node.setAttribute("aria-valuenow", tidy(turn[edge]));
      node.setAttribute("aria-valuetext", `${s2(turn[edge])} seconds`);
      this.place(node, turn[edge]);
      return node;
    }

    drawErrors() {
      const holder = this.$(".errorlanes");
      if (!holder.firstChild) {
        for (const kind of KINDS) {
          const line = document.createElement("div");
          line.className = "line errors"; line.dataset.kind = kind;
          line.innerHTML = `<div class="name"><span>${wordsOf(kind)}</span></div><div class="track" role="group" aria-label="${wordsOf(kind)}"></div>`;
          holder.append(line);
        }
      }
      const focusIndex = [...holder.querySelectorAll(".error")].indexOf(this.root.activeElement);
      for (const line of holder.children) {
        const shown = this.result.errors.filter((e) => e.kind === line.dataset.kind);
        const { levels, count } = stack(shown);
        line.querySelector(".track").replaceChildren(...shown.map((error, index) => {
          const node = document.createElement("div");
          node.className = "error"; node.dataset.kind = error.kind;
          node.setAttribute("role", "button");
          node.tabIndex = index === 0 ? 0 : -1; // one tab stop a lane; arrows go on from there
          const label = this.describe(error);
          node.title = label;
          node.setAttribute("aria-label", `${label}. Play`);
          node.span = error;
          this.place(node, error.start, error.end);
          node.style.top = `calc(2px + ${levels[index]} * (100% - 4px) / ${count})`;
          node.style.height = `calc((100% - 4px) / ${count})`;
          return node;
        }));
      }
      if (focusIndex >= 0) holder.querySelectorAll(".error")[focusIndex]?.focus({ preventScroll: true });
      const inside = ([start, end]) => [clamp(start, 0, this.duration), clamp(end, 0, this.duration)];
      this.$(".outs").replaceChildren(...this.outside().map((span) => {
        const node = document.createElement("div");
        node.className = `out ${span.why}`;
        this.place(node, ...inside([span.start, span.end]));
        return node;
      }));
    }

    /** What is not scored, with all that lies outside the UEM, speech or not. */
    outside() {
      const spans = this.result.excluded.filter((span) => span.why !== "uem");
      if (!this.options.uem) return spans;
      let cursor = 0;
      for (const [start, end] of [...joinSpans(this.options.uem), [this.duration, this.duration + 1]]) {
        if (start > cursor + 1e-3) spans.push({ start: cursor, end: start, why: "uem" });
        cursor = Math.max(cursor, end);
      }
      return spans;
    }

    describe({ kind, start, end, reference, hypothesis }) {
      const who = { missed: `${reference} is missed`, false_alarm: `${hypothesis} is not there`,
        confusion: `${reference} is called ${hypothesis}` }[kind];
      return `${wordsOf(kind)} ${s2(start)} to ${s2(end)} s: ${who}`;
    }

    drawMapping() {
      const item = (text, color, detail) => {
        const li = document.createElement("li");
        li.style.setProperty("--speaker", color);
        li.textContent = text;
        const span = document.createElement("span");
        span.textContent = detail ? ` · ${detail}` : "";
        li.append(span);
        return li;
      };
      const items = this.speakers.hypothesis.map((speaker) => {
        const to = this.result.mapping[speaker];
        if (to === undefined) return item(`${speaker} → nobody`, "var(--unmapped)", "");
        return item(`${speaker} → ${to}`, this.color("reference", to), `${s2(this.result.shared[speaker])} s shared`);
      });
      const taken = new Set(Object.values(this.result.mapping));
      for (const speaker of this.speakers.reference) {
        if (!taken.has(speaker)) items.push(item(`nobody → ${speaker}`, this.color("reference", speaker), ""));
      }
      this.$(".mapping ul").replaceChildren(...items);
    }

    drawInspector() {
      const box = this.$(".inspector"), turn = this.turnOf(this.selected);
      const key = turn ? `turn ${turn.id}` : this.chosenLane ? `lane ${this.chosenLane.side} ${this.chosenLane.speaker}` : "none";
      if (box.dataset.key !== key) {
        box.dataset.key = key;
        if (turn) this.turnInspector(box);
        else if (this.chosenLane) this.laneInspector(box);
        else box.innerHTML = "<p>Select a turn to move it; double-click an empty lane to add one; click an error to hear it.</p>";
      }
      if (!turn) return;
      const select = box.querySelector("select"), names = this.speakers[turn.side];
      if ([...select.options].slice(0, -1).map((o) => o.value).join("\n") !== names.join("\n")) {
        select.replaceChildren(...names.map((n) => new Option(n, n)), new Option("new speaker", ""));
      }
      select.value = turn.speaker;
      for (const edge of ["start", "end"]) {
        const input = box.querySelector(`input[name=${edge}]`);
        if (this.root.activeElement !== input) input.value = s2(turn[edge]);
      }
      box.querySelector("b").textContent = `${turn.side} turn`;
    }

    turnInspector(box) {
      box.innerHTML = `<b></b><label>of <select aria-label="Speaker of the turn"></select></label>
        <label>from <input type="number" name="start" step="0.01" min="0"></label>
        <label>to <input type="number" name="end" step="0.01" min="0"> s</label>
        <button data-do="hear">${icon("play")}Hear it</button>`;
      box.querySelector("select").addEventListener("change", (e) => {
        const turn = this.turnOf(this.selected);
        this.giveTo(turn, e.target.value || this.newSpeaker(turn.side));
      });
      for (const edge of ["start", "end"]) {
        box.querySelector(`input[name=${edge}]`).addEventListener("change", (e) => {
          const turn = this.turnOf(this.selected), value = e.target.valueAsNumber;
          if (turn && Number.isFinite(value)) this.moveEdge(turn, edge, value);
          e.target.value = s2(turn[edge]);
        });
      }
    }

    laneInspector(box) {
      box.innerHTML = `<b></b><label>called <input type="text" name="name" autocomplete="off" spellcheck="false"></label>
        <button data-do="rename">Rename</button><button data-do="add">${icon("add")}Turn at the cursor</button>`;
      const { side, speaker } = this.chosenLane, input = box.querySelector("input");
      box.querySelector("b").textContent = `${side} speaker`;
      input.value = speaker;
      input.addEventListener("keydown", (e) => { if (e.key === "Enter") this.rename(input.value); });
    }

    drawRuler() {
      if (!this.given) return;
      const track = this.$(".ruler .track"), width = track.clientWidth || 600;
      const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600].find((s) => (s * width) / this.duration >= 44) ?? 7200;
      const key = `${step} ${this.duration} ${width}`;
      if (track.dataset.key === key) return;
      track.dataset.key = key;
      const marks = [];
      for (let i = 0; i * step <= this.duration + 1e-9; i++) {
        const time = i * step, mark = document.createElement("i"), text = document.createElement("em");
        mark.style.left = text.style.left = `${(100 * time) / this.duration}%`;
        const minutes = Math.floor(time / 60 + 1e-9), rest = tidy(time - 60 * minutes);
        const left = ((this.duration - time) * width) / this.duration;
        const crowded = left < 36 && (i + 1) * step <= this.duration + 1e-9;
        if (!crowded) text.textContent = this.duration > 120 ? `${minutes}:${String(rest).padStart(2, "0")}` : `${tidy(time)} s`;
        if (i === 0) text.className = "first";
        else if (left < 16) text.className = "last";
        marks.push(mark, text);
      }
      track.replaceChildren(...marks);
    }

    drawWave(peaks) {
      // One click must not flatten the speech: the loudest hundredth may touch the edge.
      const top = Math.max([...peaks].sort((a, b) => a - b)[Math.floor(0.99 * (peaks.length - 1))], 1e-6);
      const track = this.$(".wave .track");
      const x = (i) => ((i * 1000) / peaks.length).toFixed(1), height = (p) => 46 * Math.min(p / top, 1.06) ** 0.75 + 0.6;
      let upper = "", lower = "";
      peaks.forEach((p, i) => { upper += `L${x(i + 0.5)} ${(50 - height(p)).toFixed(1)}`; });
      [...peaks].reverse().forEach((p, i) => { lower += `L${x(peaks.length - i - 0.5)} ${(50 + height(p)).toFixed(1)}`; });
      const covered = (100 * Math.min(this.audioDuration ?? this.duration, this.duration)) / this.duration;
      track.innerHTML = `<svg viewBox="0 0 1000 100" preserveAspectRatio="none" style="width:${covered}%" aria-hidden="true"><path d="M0 50${upper}L1000 50${lower}Z"/></svg>`;
    }

    // ------------------------------------------------------------------------------------------- sound

    async setAudio(source, peaks) {
      this.stop();
      if (this.blobUrl) URL.revokeObjectURL(this.blobUrl);
      this.blobUrl = null; this.at = 0; this.stretch = null;
      this.audioDuration = source ? this.given.duration : null;
      this.$(".wave .track").replaceChildren();
      this.$('[data-do="play"]').disabled = !source;
      if (!source) { this.audio.removeAttribute("src"); return; }
      let bytes = null;
      if (source instanceof Blob) this.blobUrl = URL.createObjectURL(source);
      else if (source.startsWith("data:")) {
        // A blob can be sought in exactly; a data URI cannot everywhere.
        bytes = dataUriBytes(source);
        this.blobUrl = URL.createObjectURL(new Blob([bytes], { type: source.slice(5, source.search(/[;,]/)) }));
      }
      this.audio.src = this.blobUrl ?? source;
      if (peaks) {
        this.drawWave(typeof peaks === "string" ? [...dataUriBytes(`,${peaks}`)] : peaks);
        return;
      }
      try {
        const buffer = bytes ? bytes.buffer.slice(0) : await (source instanceof Blob ? source : await fetch(source)).arrayBuffer();
        const decoded = await new OfflineAudioContext(1, 1, 16000).decodeAudioData(buffer);
        const samples = decoded.getChannelData(0), bins = 1000, size = samples.length / bins;
        this.audioDuration = decoded.duration;
        if (!this.given.duration || source instanceof Blob) {
          this.duration = Math.max(decoded.duration, ...this.allTurns().map((t) => t.end));
        }
        this.drawWave(Array.from({ length: bins }, (_, b) => {
          let peak = 0;
          for (let i = Math.floor(b * size); i < (b + 1) * size; i++) peak = Math.max(peak, Math.abs(samples[i]));
          return peak;
        }));
        this.update();
      } catch {
        this.say("The waveform cannot be drawn: this browser could not read the audio.", true);
      }
    }

    /** Play from start to end (to the end of the audio when it is left out). */
    async play(start, end = this.duration) {
      if (!this.audio.getAttribute("src")) return;
      this.stop();
      this.at = start;
      this.until = end;
      const turn = this.playing = Symbol("playing"); // a later call takes over while this one waits
      try {
        if (this.audio.readyState < 1) {
          await new Promise((done, failed) => {
            this.audio.addEventListener("loadedmetadata", done, { once: true });
            this.audio.addEventListener("error", failed, { once: true });
          });
        }
        if (this.playing !== turn) return;
        this.audio.currentTime = start;
        await this.audio.play();
      } catch { if (this.playing === turn) this.stop(); return; }
      if (this.playing !== turn) return;
      if (sounding && sounding !== this) sounding.stop();
      sounding = this;
      this.showPlaying(true);
      const follow = () => {
        if (this.playing !== turn) return;
        this.at = Math.min(this.audio.currentTime, this.until);
        this.drawCursor(true);
        if (this.audio.currentTime >= this.until) this.stop();
        else requestAnimationFrame(follow);
      };
      follow();
    }

    stop() {
      this.playing = null;
      this.audio?.pause();
      if (this.root) this.showPlaying(false);
    }

    showPlaying(on) {
      const button = this.$('[data-do="play"]');
      button.innerHTML = `${icon(on ? "pause" : "play")}<span class="word">${on ? "Pause" : "Play"}</span>`;
      if (this.given && !on) this.drawCursor();
    }

    drawCursor(follow = false) {
      if (!this.given) return;
      const cursor = this.$(".cursor"), stretch = this.$(".stretch"), scroll = this.$(".scroll");
      this.place(cursor, clamp(this.at, 0, this.duration));
      this.$(".clock").textContent = `${s2(this.at)} / ${s2(this.duration)} s`;
      const wave = this.$(".wave .track");
      wave.setAttribute("aria-valuemax", tidy(this.duration));
      wave.setAttribute("aria-valuenow", tidy(this.at));
      wave.setAttribute("aria-valuetext", `${s2(this.at)} seconds`);
      stretch.hidden = !this.stretch;
      if (this.stretch) this.place(stretch, ...this.stretch);
      if (follow && this.zoom > 1) {
        const left = cursor.offsetLeft, label = this.$(".ruler .name").offsetWidth, view = scroll.clientWidth - label;
        if (left < scroll.scrollLeft || left > scroll.scrollLeft + view * 0.95) scroll.scrollLeft = left - view * 0.1;
      }
    }

    // ------------------------------------------------------------------------------------------- edits

    turnOf(id) { return this.allTurns().find((t) => t.id === id) ?? null; }

    select(id, focus = false) {
      this.chosenLane = null;
      if (this.selected !== id) { this.selected = id; this.update(); }
      if (focus && id) this.nodes.get(id)?.focus({ preventScroll: true });
    }

    chooseLane(side, speaker) {
      this.selected = null;
      this.chosenLane = { side, speaker };
      this.update();
    }

    limitEdge(turn, edge, time) {
      if (edge === "start") return clamp(time, 0, turn.end - SHORTEST);
      return clamp(time, turn.start + SHORTEST, this.duration);
    }

    moveEdge(turn, edge, time, key = null) {
      this.remember(key);
      turn[edge] = tidy(this.limitEdge(turn, edge, time));
      this.update();
      this.announce(`${edge} ${s2(turn[edge])} seconds. ${this.summary()}`);
    }

    moveTurn(turn, by, key = null) {
      this.remember(key);
      const length = turn.end - turn.start;
      turn.start = tidy(clamp(turn.start + by, 0, this.duration - length));
      turn.end = tidy(turn.start + length);
      this.update();
      this.announce(`${s2(turn.start)} to ${s2(turn.end)} seconds. ${this.summary()}`);
    }

    giveTo(turn, speaker) {
      this.remember();
      turn.speaker = speaker;
      if (!this.speakers[turn.side].includes(speaker)) this.speakers[turn.side].push(speaker);
      this.update();
      this.announce(`now ${speaker}. ${this.summary()}`);
    }

    newSpeaker(side) {
      for (let i = 0; ; i++) {
        const name = side === "hypothesis" ? `SPEAKER_${String(i).padStart(2, "0")}` : `person_${i + 1}`;
        if (!this.speakers[side].includes(name)) return name;
      }
    }

    addTurn(side, speaker, time) {
      if (!this.speakers[side].includes(speaker)) return;
      this.remember();
      const around = this.turns[side].filter((t) => t.speaker === speaker);
      const previous = Math.max(0, ...around.filter((t) => t.end <= time).map((t) => t.end));
      const next = Math.min(this.duration, ...around.filter((t) => t.start > time).map((t) => t.start));
      const length = Math.min(1, this.duration / 4);
      // Centered on the pointer, but not over a neighbor of the same speaker unless there is no room.
      let start = clamp(time - length / 2, previous, Math.max(previous, next - length));
      let end = Math.min(start + length, next > start + SHORTEST ? next : this.duration);
      start = onGrid(start); end = Math.max(onGrid(end), start + SHORTEST);
      const turn = { id: this.nextId++, side, start: tidy(start), end: tidy(Math.min(end, this.duration)), speaker };
      this.turns[side].push(turn);
      this.chosenLane = null;
      this.selected = turn.id;
      this.update();
      this.nodes.get(turn.id)?.focus({ preventScroll: true });
      this.announce(`Added ${side} ${speaker}, ${s2(turn.start)} to ${s2(turn.end)} seconds. ${this.summary()}`);
    }

    removeTurn() {
      const turn = this.turnOf(this.selected);
      if (!turn) return;
      this.remember();
      const lane = this.nodes.get(turn.id)?.closest(".lane");
      this.turns[turn.side] = this.turns[turn.side].filter((t) => t !== turn);
      const near = this.turns[turn.side].filter((t) => t.speaker === turn.speaker)
        .sort((a, b) => Math.abs(a.start - turn.start) - Math.abs(b.start - turn.start))[0];
      this.selected = near?.id ?? null;
      this.update();
      (near ? this.nodes.get(near.id) : lane?.querySelector("button"))?.focus({ preventScroll: true });
      this.announce(`Deleted. ${this.summary()}`);
    }

    rename(name) {
      const lane = this.chosenLane;
      name = name.trim().normalize("NFC");
      if (!lane || name === lane.speaker) return;
      if (!name || /\s/.test(name)) {
        this.say("A name in RTTM is one word without white space.", true);
        return;
      }
      this.say("");
      this.remember();
      const { side, speaker } = lane, names = this.speakers[side];
      for (const turn of this.turns[side]) if (turn.speaker === speaker) turn.speaker = name;
      this.speakers[side] = [...new Set(names.map((n) => (n === speaker ? name : n)))];
      this.chosenLane = { side, speaker: name };
      this.update();
      this.announce(`${speaker} is now ${name}. ${this.summary()}`);
    }

    act(what, button) {
      const side = button.dataset.side;
      if (what === "play") {
        if (this.playing) { this.stop(); return; }
        if (this.stretch) this.play(...this.stretch);
        else this.play(this.at >= this.duration - 0.05 ? 0 : this.at);
      } else if (what === "undo") this.travel(this.history, this.future);
      else if (what === "redo") this.travel(this.future, this.history);
      else if (what === "add") this.addAtCursor();
      else if (what === "remove") this.removeTurn();
      else if (what === "reset") this.reset();
      else if (what === "larger" || what === "smaller") this.zoomBy(what === "larger" ? 1 : -1);
      else if (what === "speaker") {
        this.remember();
        const name = this.newSpeaker(side);
        this.speakers[side].push(name);
        this.chooseLane(side, name);
        this.announce(`Added speaker ${name} to the ${side}`);
      } else if (what === "lane") {
        const lane = button.closest(".lane");
        this.chooseLane(lane.dataset.side, lane.dataset.speaker);
      } else if (what === "hear") { const t = this.turnOf(this.selected); if (t) this.play(t.start, t.end); }
      else if (what === "rename") this.rename(this.$(".inspector input").value);
      else if (what === "copy") this.copy(side);
      else if (what === "download") this.download(side);
      else if (what === "load") this.loadRttm(this.$("textarea").value, "pasted text", this.$(".load-as").value);
      else if (what === "open") this.$("input[type=file]").click();
    }

    addAtCursor() {
      const turn = this.turnOf(this.selected);
      const place = turn ?? this.chosenLane ?? { side: "hypothesis", speaker: this.speakers.hypothesis[0] };
      this.addTurn(place.side, place.speaker, this.at);
    }

    reset() {
      this.remember();
      for (const side of SIDES) this.fill(side, this.given[side] ?? []);
      this.selected = this.chosenLane = null;
      this.say("");
      this.update();
      this.announce(`The case as given. ${this.summary()}`);
    }

    zoomBy(direction) {
      this.zoom = ZOOMS[clamp(ZOOMS.indexOf(this.zoom) + direction, 0, ZOOMS.length - 1)];
      this.applyZoom();
    }

    applyZoom() {
      const scroll = this.$(".scroll"), turn = this.turnOf(this.selected);
      const center = (turn ? (turn.start + turn.end) / 2 : this.at) / this.duration;
      this.$(".sheet").style.setProperty("--zoom", this.zoom);
      this.$('[data-do="larger"]').disabled = this.zoom === ZOOMS[ZOOMS.length - 1];
      this.$('[data-do="smaller"]').disabled = this.zoom === 1;
      const label = this.$(".ruler .name").offsetWidth, track = this.$(".ruler .track").clientWidth;
      scroll.scrollLeft = center * track - (scroll.clientWidth - label) / 2;
      this.drawRuler();
      if (this.result && this.selected) this.update();
    }

    // ------------------------------------------------------------------------------------------- pointer

    timeAt(clientX) {
      const box = this.$(".ruler .track").getBoundingClientRect();
      return clamp(((clientX - box.left) / box.width) * this.duration, 0, this.duration);
    }

    pointerDown(e) {
      if (e.button !== 0 || this.drag) return;
      const edge = e.target.closest("[data-edge]"), node = e.target.closest("[data-id]"), track = e.target.closest(".track");
      const turn = node ? this.turnOf(Number(node.dataset.id)) : null;
      if (e.target.closest(".error, button")) return;
      const start = { x: e.clientX, y: e.clientY, pointer: e.pointerId, time: this.timeAt(e.clientX), moved: false };
      if (turn) {
        // A finger must select a turn before it can drag it, so that a swipe over the lanes still scrolls.
        if (e.pointerType === "touch" && this.selected !== turn.id) return;
        this.drag = { ...start, what: edge ? edge.dataset.edge : "turn", turn, from: { ...turn } };
      } else if (track?.parentElement.matches(".wave, .ruler")) this.drag = { ...start, what: "stretch" };
    }

    pointerMove(e) {
      const drag = this.drag;
      if (!drag || e.pointerId !== drag.pointer) return;
      if (!drag.moved) {
        if (Math.hypot(e.clientX - drag.x, e.clientY - drag.y) < 4) return;
        drag.moved = true;
        this.$(".sheet").setPointerCapture(e.pointerId);
        this.$(".sheet").classList.toggle("dragging", drag.what === "turn");
        if (drag.what !== "stretch") {
          this.remember();
          this.chosenLane = null;
          this.selected = drag.turn.id;
        }
      }
      e.preventDefault();
      const time = this.timeAt(e.clientX), by = time - drag.time, turn = drag.turn;
      if (drag.what === "stretch") {
        this.stretch = [Math.min(drag.time, time), Math.max(drag.time, time)];
        this.drawCursor();
        return;
      }
      if (drag.what === "turn") {
        const length = drag.from.end - drag.from.start;
        turn.start = tidy(clamp(onGrid(drag.from.start + by), 0, this.duration - length));
        turn.end = tidy(turn.start + length);
        const lane = this.root.elementsFromPoint(e.clientX, e.clientY).map((n) => n.closest(".lane")).find(Boolean);
        if (lane && lane.dataset.side === turn.side) turn.speaker = lane.dataset.speaker;
      } else turn[drag.what] = tidy(this.limitEdge(turn, drag.what, onGrid(drag.from[drag.what] + by)));
      this.update();
    }

    pointerUp(e) {
      const drag = this.drag;
      if (!drag || e.pointerId !== drag.pointer) return;
      this.drag = null;
      this.$(".sheet").classList.remove("dragging");
      if (!drag.moved) return;
      this.swallowClick = true; // the click that ends a drag selects and adds nothing
      setTimeout(() => { this.swallowClick = false; }, 0);
      if (drag.what === "stretch") {
        this.play(...this.stretch);
        return;
      }
      this.update();
      this.nodes.get(drag.turn.id)?.focus({ preventScroll: true });
      this.announce(`${s2(drag.turn.start)} to ${s2(drag.turn.end)} seconds. ${this.summary()}`);
    }

    cancelDrag() {
      const drag = this.drag;
      this.drag = null;
      this.$(".sheet").classList.remove("dragging");
      if (!drag?.moved || drag.what === "stretch") return;
      Object.assign(drag.turn, drag.from);
      this.history.pop();
      this.update();
    }

    clicked(e) {
      if (this.swallowClick) { this.swallowClick = false; return; }
      const error = e.target.closest(".error"), node = e.target.closest("[data-id]"), track = e.target.closest(".track");
      // dblclick is not fired for a double tap everywhere, so count the clicks here.
      const now = performance.now(), last = this.lastClick;
      const twice = last && now - last.now < 400 && Math.hypot(e.clientX - last.x, e.clientY - last.y) < 24;
      this.lastClick = twice ? null : { now, x: e.clientX, y: e.clientY };
      if (error) { this.playError(error); return; }
      if (node) {
        const turn = this.turnOf(Number(node.dataset.id));
        this.select(turn.id, !e.target.closest(".handle"));
        if (twice) this.play(turn.start, turn.end);
        return;
      }
      if (!track || e.target.closest("button")) return;
      const lane = track.closest(".lane"), time = this.timeAt(e.clientX);
      if (lane && twice) { this.addTurn(lane.dataset.side, lane.dataset.speaker, time); return; }
      this.stretch = null;
      this.selected = this.chosenLane = null;
      if (this.playing && !lane) this.play(time);
      else { this.at = time; if (this.playing) this.stop(); }
      this.update();
    }

    playError(node) {
      const { start, end } = node.span;
      this.stretch = [start, end];
      this.play(start, end);
      this.announce(this.describe(node.span));
    }

    focused(e) {
      const node = e.target.closest(".turn");
      if (node && this.selected !== Number(node.dataset.id) && !this.pressing) this.select(Number(node.dataset.id));
    }

    // ------------------------------------------------------------------------------------------- keys

    keyDown(e) {
      if (!this.given) return;
      this.handleKey(e);
      // The page around (search, page turning, notebook commands) must not act on keys that are meant for this element.
      const target = e.target, typing = target.matches("input[type=text],input[type=number],textarea,select");
      if (e.defaultPrevented || typing) e.stopPropagation();
    }

    handleKey(e) {
      const target = e.target, typing = target.matches("input[type=text],input[type=number],textarea,select");
      const command = e.ctrlKey || e.metaKey, key = e.key.toLowerCase();
      if (command && !typing && (key === "z" || key === "y")) {
        e.preventDefault();
        if (key === "y" || e.shiftKey) this.travel(this.future, this.history);
        else this.travel(this.history, this.future);
        return;
      }
      if (e.key === "Escape") { this.stop(); this.stretch = null; this.drawCursor(); return; }
      if (typing || command || e.altKey) return;
      const step = e.shiftKey ? LARGE : SMALL;
      const by = { ArrowLeft: -step, ArrowRight: step, PageDown: -1, PageUp: 1 }[e.key];
      const node = target.closest("[data-id]"), turn = node ? this.turnOf(Number(node.dataset.id)) : null;
      if (target.closest(".wave")) this.waveKey(e);
      else if (target.closest(".error")) this.errorKey(e, target);
      else if (turn) this.turnKey(e, turn, node.matches(".handle") ? node.dataset.edge : null, by);
      else if (target.closest(".lane") && key === "n") {
        const lane = target.closest(".lane");
        e.preventDefault();
        this.addTurn(lane.dataset.side, lane.dataset.speaker, this.at);
      }
    }

    waveKey(e) {
      const step = e.shiftKey ? 1 : 0.1;
      const to = { ArrowLeft: this.at - step, ArrowRight: this.at + step, Home: 0, End: this.duration }[e.key];
      if (to !== undefined) {
        this.stop();
        this.at = tidy(clamp(to, 0, this.duration));
      } else if (e.key === "Enter" || e.key === " ") this.act("play", this.$('[data-do="play"]'));
      else if (e.key === "[") this.stretch = [this.at, Math.max(this.stretch?.[1] ?? this.duration, this.at)];
      else if (e.key === "]") this.stretch = [Math.min(this.stretch?.[0] ?? 0, this.at), this.at];
      else return;
      e.preventDefault();
      if (e.key === "[" || e.key === "]") this.announce(`stretch ${s2(this.stretch[0])} to ${s2(this.stretch[1])} seconds`);
      this.drawCursor(true);
    }

    errorKey(e, node) {
      if (e.key === "Enter" || e.key === " ") {
        e.preventDefault();
        this.playError(node);
      } else if (e.key === "ArrowLeft" || e.key === "ArrowRight") {
        e.preventDefault();
        const next = e.key === "ArrowRight" ? node.nextElementSibling : node.previousElementSibling;
        if (!next) return;
        node.tabIndex = -1; next.tabIndex = 0;
        next.focus();
      }
    }

    turnKey(e, turn, edge, by) {
      const key = e.key.toLowerCase();
      if (by !== undefined) {
        e.preventDefault();
        if (edge) this.moveEdge(turn, edge, turn[edge] + by, `${turn.id} ${edge}`);
        else this.moveTurn(turn, by, `${turn.id}`);
      } else if (e.key === "Enter" || e.key === " ") {
        e.preventDefault();
        this.play(turn.start, turn.end);
      } else if (e.key === "Delete" || e.key === "Backspace") {
        e.preventDefault();
        this.removeTurn();
      } else if (key === "n") {
        e.preventDefault();
        this.addAtCursor();
      } else if (!edge && (e.key === "ArrowUp" || e.key === "ArrowDown")) {
        e.preventDefault();
        const names = this.speakers[turn.side], next = names[names.indexOf(turn.speaker) + (e.key === "ArrowUp" ? -1 : 1)];
        if (next !== undefined) {
          this.giveTo(turn, next);
          this.nodes.get(turn.id).focus({ preventScroll: true });
        }
      }
    }

    // ------------------------------------------------------------------------------------------- files

    say(text, bad = false, more = []) {
      const note = this.$(".note");
      note.classList.toggle("bad", bad);
      note.replaceChildren(text);
      if (!more.length) return;
      const list = document.createElement("ul");
      list.append(...more.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
      note.append(list);
    }

    announce(text) {
      const live = this.$("[aria-live]");
      clearTimeout(this.announcing);
      this.announcing = setTimeout(() => { live.textContent = text; }, 150); // only the last of a burst of keys
    }

    async copy(side) {
      const text = formatRttm(this.listOf(side), this.name), area = this.$("textarea");
      area.value = text;
      try {
        await navigator.clipboard.writeText(text);
      } catch { // no permission or no secure context: the text is selected for the reader's own copy
        area.focus(); area.select();
        if (!document.execCommand("copy")) { this.say("Select and copy the text below."); return; }
      }
      this.say(`The ${side} is copied: ${this.turns[side].length} turns.`);
    }

    download(side) {
      const url = URL.createObjectURL(new Blob([formatRttm(this.listOf(side), this.name)], { type: "text/plain" }));
      const link = Object.assign(document.createElement("a"), { href: url, download: `${this.name}.${side}.rttm` });
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
    }

    dropped(e) {
      e.preventDefault();
      this.$(".box").classList.remove("target");
      const under = e.composedPath().map((n) => n.dataset?.side).find((s) => SIDES.includes(s));
      const side = under ?? this.$(".load-as").value;
      const file = e.dataTransfer.files[0], text = e.dataTransfer.getData("text/plain");
      if (file) this.openFile(file, side);
      else if (text) this.loadRttm(text, "dropped text", side);
    }

    async openFile(file, side) {
      if (/^(audio|video)\//.test(file.type) || /\.(wav|mp3|flac|ogg|m4a)$/i.test(file.name)) {
        this.say(`Playing ${file.name}. It stays on this device.`);
        this.setAudio(file, null);
        return;
      }
      if (file.size > 5e6) { this.say(`${file.name}: larger than 5 MB; this page is for one short recording`, true); return; }
      this.loadRttm(await file.text(), file.name, side);
    }

    loadRttm(text, file, side) {
      const { recordings, errors } = parseRttm(text, file), names = Object.keys(recordings);
      if (errors.length) {
        const first = errors.slice(0, 5), rest = errors.length - first.length;
        if (rest) first.push(`and ${rest} more`);
        this.say("Nothing was loaded.", true, first);
        return;
      }
      const name = names.includes(this.name) ? this.name : names[0];
      if (names.length > 1 && name !== this.name) {
        this.say("Nothing was loaded.", true, [`${file}: holds ${names.length} recordings (${names.slice(0, 4).join(", ")}…); keep the lines of one`]);
        return;
      }
      const late = recordings[name].filter((t) => t[1] > (this.audioDuration ?? Infinity) + 0.01).length;
      this.name = name;
      this.replace(side, recordings[name]);
      const count = recordings[name].length;
      this.say(`Loaded ${count} turn${count === 1 ? "" : "s"} as the ${side}.` +
        (late ? ` ${late} of them end after the audio does.` : ""));
      this.announce(this.summary());
    }
  }

  customElements.define("der-playground", DerPlaygroundElement);
})();
