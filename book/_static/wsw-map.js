// <wsw-concept-map>: every concept of the book, drawn on a canvas. Places are computed by the build
// (diarbook.knowledge.map_layout); this file draws, moves, filters and searches. No dependency, no network.
// Without it, or beside it, the element's own content is the same as a list.
(() => {
  "use strict";
  if (customElements.get("wsw-concept-map")) return;

  // A color and a shape for each scheme, so that neither carries the meaning alone. [light, dark]
  const MARKS = {
    Tasks: ["#b34a00", "#ffa66b", "star"],
    Stages: ["#c0303c", "#ff8a8f", "square"],
    Methods: ["#00629b", "#6cb6ff", "circle"],
    Representations: ["#007556", "#5fd3a8", "diamond"],
    Architectures: ["#6b3fc4", "#b99bff", "square"],
    Components: ["#8a4bb8", "#d3a4f0", "triangle"],
    Models: ["#905478", "#e0a3c6", "circle"],
    Metrics: ["#7a6300", "#e3c34a", "triangle"],
    Formats: ["#4d6a12", "#b4d36c", "square"],
    Parameters: ["#0a7182", "#62cfe0", "diamond"],
    Procedures: ["#a8326f", "#ff9cc8", "diamond"],
    Units: ["#00629b", "#6cb6ff", "diamond"],
    Measures: ["#7a6300", "#e3c34a", "circle"],
    Quantities: ["#0a7182", "#62cfe0", "triangle"],
    "Statistical models": ["#905478", "#e0a3c6", "square"],
    Campaigns: ["#5c4a32", "#d2b48c", "star"],
    Phenomena: ["#4d6a12", "#b4d36c", "circle"],
    Properties: ["#57606a", "#aeb8c2", "diamond"],
    "Data sets": ["#5c4a32", "#d2b48c", "triangle"],
    Tools: ["#2f5d3a", "#93d3a2", "star"],
    Risks: ["#d11f1f", "#ff7b72", "triangle"],
    Facets: ["#57606a", "#aeb8c2", "star"],
  };
  const OTHER = ["#57606a", "#aeb8c2", "circle"];
  const DIRECTIONS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  const RELATION = { broader: ["Is a kind of", "Kinds of it"], stage: ["Part of the stage", "Belongs to this stage"], related: ["Related", "Related"] };

  const STYLE = `
    :host { display: block; color: var(--wsw-ink, #1c2128); font: 400 0.9rem/1.45 var(--wsw-font, system-ui, sans-serif); }
    * { box-sizing: border-box; }
    [hidden] { display: none !important; }
    .bar { display: flex; flex-wrap: wrap; gap: 0.5rem; margin-bottom: 0.5rem; align-items: center; }
    input, select, button { font: inherit; color: inherit; background: var(--wsw-card, #fff); border: 1px solid var(--wsw-grid, #ccc); border-radius: 8px; padding: 0.4rem 0.7rem; min-height: 2.35rem; }
    button { cursor: pointer; }
    button:hover { border-color: var(--wsw-0, #00629b); }
    :focus-visible { outline: 2px solid var(--wsw-0, #00629b); outline-offset: 2px; }
    .find { position: relative; flex: 1 1 13rem; min-width: 0; }
    .find input { width: 100%; }
    select { flex: 0 1 13rem; min-width: 0; }
    .found { position: absolute; z-index: 6; left: 0; right: 0; top: 100%; margin: 3px 0 0; padding: 4px; list-style: none; background: var(--wsw-card, #fff); border: 1px solid var(--wsw-grid, #ccc); border-radius: 8px; box-shadow: 0 8px 24px rgb(0 0 0 / 18%); max-height: 17rem; overflow-y: auto; }
    .found li { padding: 0.4rem 0.6rem; border-radius: 5px; cursor: pointer; }
    .found li[aria-selected=true], .found li:hover { background: var(--wsw-sunk, #eee); }
    .found small { color: var(--wsw-muted, #57606a); }
    .views { display: flex; }
    .views button { border-radius: 0; }
    .views button:first-child { border-radius: 8px 0 0 8px; }
    .views button:last-child { border-radius: 0 8px 8px 0; border-left: 0; }
    .views [aria-pressed=true] { background: var(--wsw-0, #00629b); color: var(--wsw-card, #fff); border-color: var(--wsw-0, #00629b); }
    .schemes { display: flex; flex-wrap: wrap; gap: 0.3rem; margin-bottom: 0.6rem; }
    .schemes button { display: inline-flex; align-items: center; gap: 0.35rem; padding: 0.15rem 0.6rem; min-height: 1.85rem; border-radius: 999px; font-size: 0.8rem; }
    .schemes button[aria-pressed=false] { color: var(--wsw-muted, #57606a); border-style: dashed; text-decoration: line-through; background: none; }
    .schemes svg { width: 11px; height: 11px; flex: none; }
    .schemes [aria-pressed=false] svg { opacity: 0.35; }
    .stage { position: relative; border: 1px solid var(--wsw-grid, #ccc); border-radius: 14px; overflow: hidden; background: var(--wsw-card, #fff); height: min(38rem, 76vh); }
    canvas { display: block; width: 100%; height: 100%; touch-action: none; cursor: grab; }
    canvas.drag { cursor: grabbing; }
    canvas.over { cursor: pointer; }
    canvas:focus-visible { outline-offset: -3px; border-radius: 14px; }
    .zoom { position: absolute; left: 0.7rem; bottom: 0.7rem; display: flex; gap: 0.3rem; }
    .zoom button { min-width: 2.35rem; padding: 0; font-weight: 600; }
    .zoom .all { padding: 0 0.7rem; font-weight: 400; }
    .card { position: absolute; top: 0.7rem; right: 0.7rem; width: min(20rem, calc(100% - 1.4rem)); max-height: calc(100% - 1.4rem); overflow-y: auto; padding: 0.9rem 1.1rem; border: 1px solid var(--wsw-grid, #ccc); border-radius: 12px; background: var(--wsw-card, #fff); box-shadow: 0 10px 30px rgb(0 0 0 / 16%); }
    .card h3 { font: 600 1.2rem/1.25 var(--pst-font-family-heading, serif); margin: 0 2rem 0.3rem 0; overflow-wrap: anywhere; }
    .card p { margin: 0 0 0.55rem; }
    .card .small { color: var(--wsw-muted, #57606a); font-size: 0.82rem; }
    .card .close { position: absolute; top: 0.55rem; right: 0.55rem; border: 0; min-height: 0; width: 2rem; height: 2rem; padding: 0; font-size: 1.15rem; }
    .card .go { display: flex; flex-wrap: wrap; gap: 0.4rem; margin-bottom: 0.7rem; }
    .card .go a { color: var(--wsw-0, #00629b); border: 1px solid currentcolor; border-radius: 999px; padding: 0.25rem 0.8rem; text-decoration: none; }
    .card .go a:hover { text-decoration: underline; }
    .card h4 { margin: 0.5rem 0 0.2rem; font-size: 0.8rem; font-weight: 600; color: var(--wsw-muted, #57606a); }
    .card .to { display: flex; flex-wrap: wrap; gap: 0.25rem; }
    .card .to button { padding: 0.1rem 0.55rem; min-height: 1.7rem; border-radius: 999px; font-size: 0.82rem; text-align: left; }
    .list { border: 1px solid var(--wsw-grid, #ccc); border-radius: 14px; padding: 0.2rem 1.2rem; background: var(--wsw-card, #fff); max-height: 76vh; overflow-y: auto; }
    .say { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
    @media (max-width: 600px) {
      input { font-size: 16px; }
      .card { top: auto; bottom: 0.5rem; left: 0.5rem; right: 0.5rem; width: auto; max-height: 56%; padding: 0.7rem 0.9rem; }
      .stage.open .zoom { display: none; }
      .schemes { flex-wrap: nowrap; overflow-x: auto; padding-bottom: 0.3rem; }
      .schemes button { flex: none; }
      .stage { height: min(34rem, 70vh); }
      select { flex: 1 1 8rem; }
    }
    @media (prefers-reduced-motion: no-preference) { .schemes button { transition: opacity 0.15s; } }`;

  const escaped = (text) => text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);

  function outline(context, shape, x, y, r) {
    context.beginPath();
    if (shape === "circle") context.arc(x, y, r, 0, 7);
    else if (shape === "square") context.rect(x - 0.88 * r, y - 0.88 * r, 1.76 * r, 1.76 * r);
    else {
      const points = shape === "star" ? 10 : shape === "diamond" ? 4 : 3;
      for (let i = 0; i < points; i++) {
        const angle = -Math.PI / 2 + (i * 2 * Math.PI) / points;
        const reach = 1.2 * r * (shape === "star" && i % 2 ? 0.5 : 1);
        context.lineTo(x + reach * Math.cos(angle), y + reach * Math.sin(angle));
      }
      context.closePath();
    }
  }

  function swatch(scheme, dark) {
    const [light, night, shape] = MARKS[scheme] || OTHER;
    const paths = {
      circle: '<circle cx="6" cy="6" r="5"/>', square: '<rect x="1.5" y="1.5" width="9" height="9"/>',
      diamond: '<path d="M6 0l6 6-6 6-6-6z"/>', triangle: '<path d="M6 0.5l6 10.5H0z"/>',
      star: '<path d="M6 0l1.6 4h4.4L8.500 6.800l1.300 4.700L6 8.800 2.200 11.500l1.300-4.700L0 4h4.400z"/>',
    };
    return `<svg viewBox="0 0 12 12" aria-hidden="true" fill="${dark ? night : light}">${paths[shape]}</svg>`;
  }

  class ConceptMap extends HTMLElement {
    connectedCallback() {
      if (this.ready) return;
      const script = this.querySelector('script[type="application/json"]');
      if (!script) return;
      Object.assign(this, JSON.parse(script.textContent));
      this.near = this.nodes.map(() => []);
      this.edges.forEach(([a, b, kind]) => { this.near[a].push([b, kind, 0]); this.near[b].push([a, kind, 1]); });
      this.off = new Set();
      this.chapter = -1;
      this.selected = this.hovered = -1;
      this.view = { x: 0, y: 0, k: 1 };
      this.edge = this.nodes.reduce((m, n) => Math.max(m, n.size), 1);
      this.build();
      this.listen();
      this.ready = true;
      this.paint();
    }

    get dark() { return document.documentElement.dataset.theme === "dark"; }
    schemes() { return Object.keys(MARKS).filter((name) => this.nodes.some((n) => n.scheme === name)); }
    shown(i) { const n = this.nodes[i]; return !this.off.has(n.scheme) && (this.chapter < 0 || n.chapter === this.chapter); }

    build() {
      const root = this.attachShadow({ mode: "open" });
      root.innerHTML = `<style>${STYLE}</style>
        <div class="bar">
          <div class="find"><input type="search" role="combobox" aria-expanded="false" aria-controls="found" aria-autocomplete="list"
            aria-label="Find a concept" placeholder="Find a concept" autocomplete="off" spellcheck="false"><ul id="found" class="found" role="listbox" aria-label="Concepts" hidden></ul></div>
          <select aria-label="Subject"><option value="-1">All subjects</option>${this.chapters.map((c, i) => `<option value="${i}">${escaped(c.name)}</option>`).join("")}</select>
          <div class="views" role="group" aria-label="View"><button type="button" data-view="map" aria-pressed="true">Map</button><button type="button" data-view="list" aria-pressed="false">List</button></div>
        </div>
        <div class="schemes" role="group" aria-label="Show concepts by scheme"></div>
        <div class="stage">
          <canvas tabindex="0" role="application" aria-roledescription="map" aria-describedby="help" aria-label="Concept map, ${this.nodes.length} concepts in ${this.chapters.length} chapters"></canvas>
          <div class="zoom"><button type="button" data-zoom="1.5" aria-label="Zoom in">+</button><button type="button" data-zoom="0.667" aria-label="Zoom out">−</button><button type="button" class="all" data-zoom="0">Show all</button></div>
          <div class="card" role="region" aria-label="Concept" tabindex="-1" hidden></div>
        </div>
        <div class="list" hidden tabindex="0" role="region" aria-label="Concepts as a list"><slot></slot></div>
        <p class="say" id="help">Arrow keys move the map, plus and minus zoom, zero shows all. Shift with an arrow key goes to the next concept in that direction, Enter opens it. The list view holds the same concepts as text.</p>
        <p class="say" role="status"></p>`;
      this.$ = (selector) => root.querySelector(selector);
      this.canvas = this.$("canvas");
      this.ink = this.canvas.getContext("2d");
      this.fillSchemes();
    }

    fillSchemes() {
      this.$(".schemes").innerHTML = this.schemes().map((name) =>
        `<button type="button" value="${name}" aria-pressed="${!this.off.has(name)}">${swatch(name, this.dark)}${name}</button>`).join("");
    }

    listen() {
      const { canvas } = this;
      new ResizeObserver(() => this.resize()).observe(canvas);
      new MutationObserver(() => { this.fillSchemes(); this.paint(); }).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
      document.fonts?.ready.then(() => this.paint());
      this.$(".schemes").addEventListener("click", (event) => {
        const button = event.target.closest("button");
        if (!button) return;
        if (!this.off.delete(button.value)) this.off.add(button.value);
        button.setAttribute("aria-pressed", String(!this.off.has(button.value)));
        this.filter();
      });
      this.$("select").addEventListener("change", (event) => {
        this.chapter = Number(event.target.value);
        this.filter();
        this.chapter < 0 ? this.fit() : this.fit(this.chapters[this.chapter].box);
      });
      this.$(".views").addEventListener("click", (event) => this.show(event.target.dataset.view));
      this.$(".zoom").addEventListener("click", (event) => {
        const factor = Number(event.target.dataset.zoom);
        factor ? this.zoom(factor) : event.target.dataset.zoom === "0" && this.fit();
      });
      this.listenToPointer();
      this.listenToKeys();
      this.listenToSearch();
    }

    show(view) {
      if (!view) return;
      for (const button of this.$(".views").children) button.setAttribute("aria-pressed", String(button.dataset.view === view));
      this.$(".stage").hidden = view !== "map";
      this.$(".list").hidden = view !== "list";
    }

    filter() {
      const hidden = new Set(this.nodes.filter((n, i) => !this.shown(i)).map((n) => n.id));
      for (const item of this.querySelectorAll("li[data-id]")) item.hidden = hidden.has(item.dataset.id);
      for (const part of this.querySelectorAll("section[data-chapter]")) part.hidden = !part.querySelector("li:not([hidden])");
      this.say(`${this.nodes.length - hidden.size} of ${this.nodes.length} concepts shown`);
      if (this.selected >= 0 && hidden.has(this.nodes[this.selected].id)) this.close();
      this.paint();
    }

    say(text) { this.$("[role=status]").textContent = text; }

    // ---- The view: x and y of the map in the middle of the canvas, and pixels a unit ----

    resize() {
      const first = !this.width;
      const before = this.width;
      this.width = this.canvas.clientWidth;
      this.height = this.canvas.clientHeight;
      if (!this.width) { this.width = before; return; }
      const ratio = Math.min(devicePixelRatio || 1, 3);
      this.canvas.width = Math.round(this.width * ratio);
      this.canvas.height = Math.round(this.height * ratio);
      this.ratio = ratio;
      if (first) this.fit(this.width < 500 ? this.home() : undefined);
      this.paint();
    }

    /** A phone starts in the first rows: the whole map is too small to read there. */
    home() {
      const [x, y, w, h] = this.whole(), k = this.height / h;
      return [x, y, Math.min(w, this.width / k), h];
    }

    whole() {
      const boxes = this.chapters.map((c) => c.box);
      const x = Math.min(...boxes.map((b) => b[0])), y = Math.min(...boxes.map((b) => b[1]));
      return [x, y, Math.max(...boxes.map((b) => b[0] + b[2])) - x, Math.max(...boxes.map((b) => b[1] + b[3])) - y];
    }

    get least() { const [, , w, h] = this.whole(); return 0.9 * Math.min(this.width / (w + 60), this.height / (h + 60)); }

    fit(box = this.whole()) {
      const low = this.height - 52; // the buttons are below
      const k = Math.min(1.6, this.width / (box[2] + 40), low / (box[3] + 40));
      this.view = { x: box[0] + box[2] / 2, y: box[1] + box[3] / 2 + 26 / k - 4 / k, k };
      this.paint();
    }

    zoom(factor, at = [this.width / 2, this.height / 2]) {
      const k = Math.min(3, Math.max(this.least, this.view.k * factor));
      const dx = at[0] - this.width / 2, dy = at[1] - this.height / 2;
      this.view.x += dx / this.view.k - dx / k;
      this.view.y += dy / this.view.k - dy / k;
      const changed = k !== this.view.k;
      this.view.k = k;
      this.paint();
      return changed;
    }

    pan(dx, dy) {
      const [x, y, w, h] = this.whole();
      this.view.x = Math.min(x + w, Math.max(x, this.view.x - dx / this.view.k));
      this.view.y = Math.min(y + h, Math.max(y, this.view.y - dy / this.view.k));
      this.paint();
    }

    screen(x, y) { return [(x - this.view.x) * this.view.k + this.width / 2, (y - this.view.y) * this.view.k + this.height / 2]; }

    // ---- Input ----

    at(x, y) {
      let best = -1, least = 20;
      this.nodes.forEach((n, i) => {
        if (!this.shown(i)) return;
        const [a, b] = this.screen(n.x, n.y - this.lift(n) * this.view.k);
        const distance = Math.hypot(a - x, b - y);
        if (distance < least) [best, least] = [i, distance];
      });
      if (best >= 0 && least < 12) return best;
      const label = (this.labels || []).find((l) => x >= l.x && x <= l.x + l.w && y >= l.y && y <= l.y + l.h);
      return label ? label.i : best;
    }

    chapterAt(x, y) {
      const name = (this.names || []).find((l) => x >= l.x && x <= l.x + l.w && y >= l.y && y <= l.y + l.h);
      return name ? name.c : -1;
    }

    listenToPointer() {
      const { canvas } = this, held = new Map();
      let moved = 0, spread = 0;
      const place = (event) => { const box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
      canvas.addEventListener("pointerdown", (event) => {
        if (event.button > 0) return;
        canvas.setPointerCapture(event.pointerId);
        held.set(event.pointerId, place(event));
        if (held.size === 1) moved = 0;
        spread = 0;
      });
      canvas.addEventListener("pointermove", (event) => {
        const now = place(event), before = held.get(event.pointerId);
        if (!before) {
          const over = this.at(...now);
          canvas.classList.toggle("over", over >= 0 || this.chapterAt(...now) >= 0);
          if (over !== this.hovered) { this.hovered = over; this.paint(); }
          return;
        }
        held.set(event.pointerId, now);
        moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
        if (moved > 5) canvas.classList.add("drag");
        this.pan((now[0] - before[0]) / held.size, (now[1] - before[1]) / held.size);
        if (held.size === 2) {
          const [[ax, ay], [bx, by]] = held.values();
          const wide = Math.hypot(ax - bx, ay - by);
          if (spread) this.zoom(wide / spread, [(ax + bx) / 2, (ay + by) / 2]);
          spread = wide;
        }
      });
      const release = (event) => {
        if (!held.delete(event.pointerId)) return;
        spread = 0;
        canvas.classList.remove("drag");
        if (event.type === "pointercancel" || moved > 5 || held.size) return;
        const now = place(event), node = this.at(...now), chapter = node < 0 ? this.chapterAt(...now) : -1;
        if (node >= 0) this.open(node);
        else if (chapter >= 0) this.openChapter(chapter);
        else this.close();
      };
      canvas.addEventListener("pointerup", release);
      canvas.addEventListener("pointercancel", release);
      canvas.addEventListener("pointerleave", () => { if (this.hovered >= 0) { this.hovered = -1; this.paint(); } });
      // A scroll of the page that comes over the map goes on; one that starts on the map zooms.
      let scrolled = 0;
      addEventListener("scroll", () => { scrolled = performance.now(); }, { passive: true });
      canvas.addEventListener("wheel", (event) => {
        if (!event.ctrlKey && performance.now() - scrolled < 350) return;
        const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1);
        if (this.zoom(Math.exp(-Math.max(-120, Math.min(120, pixels)) * (event.ctrlKey ? 0.01 : 0.003)), place(event)) || event.ctrlKey) event.preventDefault();
      }, { passive: false });
    }

    listenToKeys() {
      this.canvas.addEventListener("keydown", (event) => {
        const direction = DIRECTIONS[event.key];
        if (event.altKey || event.ctrlKey || event.metaKey) return;
        if (direction && event.shiftKey) this.step(direction);
        else if (direction) this.pan(-60 * direction[0], -60 * direction[1]);
        else if (event.key === "+" || event.key === "=") this.zoom(1.3);
        else if (event.key === "-" || event.key === "_") this.zoom(1 / 1.3);
        else if (event.key === "0") this.fit();
        else if (event.key === "Enter" || event.key === " ") this.selected >= 0 && this.$(".card").hidden === false ? this.$(".card").focus() : this.open(this.middle());
        else return;
        event.preventDefault();
      });
      this.shadowRoot.addEventListener("keydown", (event) => {
        if (event.key !== "Escape" || this.$(".card").hidden) return;
        const inside = this.$(".card").contains(this.shadowRoot.activeElement);
        this.close();
        if (inside) this.canvas.focus();
      });
      this.canvas.addEventListener("focus", () => this.paint());
      this.canvas.addEventListener("blur", () => this.paint());
    }

    middle() {
      let best = -1, least = Infinity;
      this.nodes.forEach((n, i) => {
        const distance = Math.hypot(n.x - this.view.x, n.y - this.view.y);
        if (this.shown(i) && distance < least) [best, least] = [i, distance];
      });
      return best;
    }

    step([dx, dy]) {
      const from = this.selected >= 0 ? this.nodes[this.selected] : this.view;
      let best = -1, least = Infinity;
      this.nodes.forEach((n, i) => {
        const x = n.x - from.x, y = n.y - from.y, along = x * dx + y * dy, across = Math.abs(x * dy) + Math.abs(y * dx);
        if (!this.shown(i) || i === this.selected || along <= 0.3 * across) return;
        if (along + 1.5 * across < least) [best, least] = [i, along + 1.5 * across];
      });
      if (best < 0) this.say("No concept further in this direction");
      else this.open(best);
    }

    listenToSearch() {
      const input = this.$("input"), list = this.$(".found");
      let hits = [], active = -1;
      const close = () => { list.hidden = true; active = -1; input.setAttribute("aria-expanded", "false"); input.removeAttribute("aria-activedescendant"); };
      const mark = (next) => {
        active = next;
        [...list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === active)));
        if (active >= 0) { input.setAttribute("aria-activedescendant", `found-${active}`); list.children[active].scrollIntoView({ block: "nearest" }); }
        else input.removeAttribute("aria-activedescendant");
      };
      const take = (i) => {
        if (i === undefined) return;
        input.value = this.nodes[i].label;
        close();
        if (!this.shown(i)) this.reveal(i);
        this.show("map");
        this.open(i, true);
      };
      const look = () => {
        const wanted = input.value.trim().toLowerCase();
        hits = !wanted ? [] : this.nodes.map((n, i) => {
          const scores = [n.label, ...n.also].map((name, rank) => {
            const place = name.toLowerCase().indexOf(wanted);
            return place < 0 ? Infinity : (place === 0 ? 0 : /[\s-]/.test(name[place - 1]) ? 2 : 4) + (rank ? 1 : 0) + name.length / 100;
          });
          const best = Math.min(...scores);
          return [best, i, scores.indexOf(best) > 0 ? n.also[scores.indexOf(best) - 1] : ""];
        }).filter(([score]) => score < Infinity).sort((a, b) => a[0] - b[0] || a[1] - b[1]).slice(0, 8);
        list.innerHTML = hits.map(([, i, also], place) => `<li role="option" id="found-${place}" aria-selected="false">${escaped(this.nodes[i].label)}${also ? ` <small>${escaped(also)}</small>` : ""}</li>`).join("");
        list.hidden = !hits.length;
        input.setAttribute("aria-expanded", String(hits.length > 0));
        input.removeAttribute("aria-activedescendant");
        active = -1;
        if (wanted) this.say(hits.length ? `${hits.length} concepts found` : "No concept has this name");
      };
      input.addEventListener("input", look);
      input.addEventListener("focus", () => input.value && look());
      input.addEventListener("blur", () => setTimeout(close, 150));
      list.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        const item = event.target.closest("li");
        if (item) take(hits[[...list.children].indexOf(item)][1]);
      });
      input.addEventListener("keydown", (event) => {
        if (event.key === "ArrowDown" && hits.length) mark((active + 1) % hits.length);
        else if (event.key === "ArrowUp" && hits.length) mark((active + hits.length) % (hits.length + 1) - (active === 0 ? 0 : 1) < 0 ? hits.length - 1 : active - 1);
        else if (event.key === "Enter") take(hits[Math.max(active, 0)]?.[1]);
        else if (event.key === "Escape") { if (list.hidden) return; close(); event.stopPropagation(); }
        else return;
        event.preventDefault();
      });
    }

    /** Undo the filters that hide a concept. */
    reveal(i) {
      this.off.delete(this.nodes[i].scheme);
      if (this.chapter !== this.nodes[i].chapter) this.chapter = -1;
      this.$("select").value = String(this.chapter);
      this.fillSchemes();
      this.filter();
    }

    // ---- The card ----

    open(i, closer = true) {
      if (i < 0) return;
      this.selected = i;
      const n = this.nodes[i], chapter = this.chapters[n.chapter], groups = new Map();
      for (const [other, kind, back] of this.near[i]) {
        const name = RELATION[kind][back];
        groups.set(name, [...(groups.get(name) || []), other]);
      }
      if (n.not.length) groups.set("Not to be confused with", n.not);
      this.fill(`<h3>${escaped(n.label)}</h3>
        <p class="small">${swatch(n.scheme, this.dark).replace("<svg", '<svg width="11" height="11"')} ${escaped(n.kind)}${n.also.length ? `, also ${escaped(n.also.join(", "))}` : ""}</p>
        <p>${escaped(n.definition)}</p>
        <div class="go">${n.href ? `<a href="${escaped(n.href)}">Glossary entry</a>` : ""}${chapter.href ? `<a href="${escaped(chapter.href)}">Page: ${escaped(chapter.name)}</a>` : ""}</div>
        ${chapter.href ? "" : `<p class="small">${escaped(chapter.name)}: not in the book yet</p>`}
        ${[...groups].map(([name, ids]) => `<h4>${name}</h4>${this.buttons(ids)}`).join("")}`, n.label);
      if (closer) this.bring(n);
      this.say(`${n.label}. ${n.definition}`);
      this.paint();
    }

    openChapter(c) {
      const chapter = this.chapters[c], ids = this.nodes.map((n, i) => i).filter((i) => this.nodes[i].chapter === c);
      ids.sort((a, b) => this.nodes[a].label.localeCompare(this.nodes[b].label));
      this.selected = -1;
      this.fill(`<h3>${escaped(chapter.name)}</h3>
        ${chapter.href ? `<div class="go"><a href="${escaped(chapter.href)}">Open the page</a></div>` : '<p class="small">Not in the book yet.</p>'}
        <h4>${ids.length} concepts</h4>${this.buttons(ids)}`, chapter.name);
      this.fit(chapter.box);
      this.say(`${chapter.name}, ${ids.length} concepts`);
    }

    buttons(ids) { return `<div class="to">${ids.map((i) => `<button type="button" data-to="${i}">${escaped(this.nodes[i].label)}</button>`).join("")}</div>`; }

    fill(markup, name) {
      const card = this.$(".card"), focused = card.contains(this.shadowRoot.activeElement);
      card.innerHTML = `${markup}<button type="button" class="close" aria-label="Close">×</button>`;
      card.setAttribute("aria-label", name);
      card.hidden = false;
      card.scrollTop = 0;
      this.$(".stage").classList.add("open");
      card.querySelector(".close").onclick = () => { this.close(); this.canvas.focus({ preventScroll: true }); };
      for (const button of card.querySelectorAll("[data-to]")) {
        button.onclick = () => { const i = Number(button.dataset.to); if (!this.shown(i)) this.reveal(i); this.open(i); };
      }
      if (focused) card.focus({ preventScroll: true });
    }

    close() {
      this.$(".card").hidden = true;
      this.$(".stage").classList.remove("open");
      this.selected = -1;
      this.paint();
    }

    /** Move a concept into the part of the map that the card leaves free, near enough to read its neighbors. */
    bring(n) {
      const narrow = this.width < 560, k = Math.max(this.view.k, narrow ? 0.75 : 0.85);
      const [x, y] = this.screen(n.x, n.y);
      const right = narrow ? this.width : this.width - 340, low = narrow ? this.height * 0.42 : this.height;
      if (k === this.view.k && x > 50 && x < right - 50 && y > 40 && y < low - 40) return;
      this.view = { k, x: n.x + (this.width - right) / 2 / k, y: n.y + (this.height - low) / 2 / k };
    }

    // ---- Drawing ----

    lift(n) { return n.lines.length * 7.5; }

    paint() {
      if (!this.width || this.waiting) return;
      this.waiting = requestAnimationFrame(() => { this.waiting = 0; this.draw(); });
    }

    draw() {
      const c = this.ink, { k } = this.view, style = getComputedStyle(this), dark = this.dark ? 1 : 0;
      const color = (name, other) => style.getPropertyValue(name).trim() || other;
      const ink = color("--wsw-ink", "#1c2128"), muted = color("--wsw-muted", "#57606a"), grid = color("--wsw-grid", "#dcd8cf");
      const paper = color("--wsw-card", "#fff"), sunk = color("--wsw-sunk", "#f5f3ee");
      const font = color("--wsw-font", "system-ui, sans-serif"), heading = color("--pst-font-family-heading", "serif");
      c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
      c.fillStyle = paper;
      c.fillRect(0, 0, this.width, this.height);
      this.chapters.forEach((chapter) => {
        const [x, y] = this.screen(chapter.box[0], chapter.box[1]);
        c.fillStyle = sunk;
        c.strokeStyle = grid;
        c.lineWidth = 1;
        c.beginPath();
        c.roundRect(x - 6 * k, y - 6 * k, (chapter.box[2] + 12) * k, (chapter.box[3] + 12) * k, Math.min(16, 22 * k));
        c.fill();
        c.stroke();
      });
      const focus = this.hovered >= 0 ? this.hovered : this.selected;
      const close = new Set(focus >= 0 ? this.near[focus].map(([i]) => i) : []);
      const spot = (n) => this.screen(n.x, n.y - this.lift(n));
      for (const strong of [false, true]) {
        for (const [a, b, kind] of this.edges) {
          if ((a === focus || b === focus) !== strong || !this.shown(a) || !this.shown(b)) continue;
          const [ax, ay] = spot(this.nodes[a]), [bx, by] = spot(this.nodes[b]);
          if (Math.max(ax, bx) < 0 || Math.min(ax, bx) > this.width || Math.max(ay, by) < 0 || Math.min(ay, by) > this.height) continue;
          const far = this.nodes[a].chapter !== this.nodes[b].chapter;
          c.globalAlpha = strong ? 0.95 : focus >= 0 ? 0.1 : far ? 0.13 : 0.5;
          c.strokeStyle = strong ? (dark ? "#ffa66b" : "#b34a00") : muted;
          c.lineWidth = (kind === "broader" ? 1.5 : 0.9) * (strong ? 1.4 : 1) * Math.min(1.3, Math.max(0.6, k));
          c.setLineDash(kind === "stage" ? [5, 4] : []);
          c.beginPath();
          c.moveTo(ax, ay);
          if (far) c.quadraticCurveTo((ax + bx) / 2 + (by - ay) * 0.12, (ay + by) / 2 - (bx - ax) * 0.12, bx, by);
          else c.lineTo(bx, by);
          c.stroke();
        }
      }
      c.setLineDash([]);
      this.nodes.forEach((n, i) => {
        const [x, y] = spot(n), [light, night, shape] = MARKS[n.scheme] || OTHER;
        if (x < -20 || y < -20 || x > this.width + 20 || y > this.height + 20) return;
        const r = (3.6 + 3.2 * Math.sqrt(n.size / this.edge)) * Math.min(1.5, Math.max(0.55, Math.sqrt(k)));
        c.globalAlpha = !this.shown(i) ? 0.12 : focus < 0 || i === focus || close.has(i) ? 1 : 0.4;
        outline(c, shape, x, y, r);
        c.fillStyle = dark ? night : light;
        c.fill();
        c.strokeStyle = sunk;
        c.lineWidth = 1;
        c.stroke();
        if (i === this.selected) {
          c.beginPath();
          c.arc(x, y, r + 5, 0, 7);
          c.strokeStyle = ink;
          c.lineWidth = 2;
          c.stroke();
        }
      });
      c.globalAlpha = 1;
      this.drawNames(c, k, heading, ink, sunk);
      this.drawLabels(c, k, font, focus, close, ink, muted, sunk);
      if (this.shadowRoot.activeElement === this.canvas && this.selected < 0 && this.canvas.matches(":focus-visible")) {
        const [x, y] = [this.width / 2, this.height / 2];
        c.strokeStyle = ink;
        c.lineWidth = 1.5;
        c.beginPath();
        c.moveTo(x - 9, y); c.lineTo(x + 9, y); c.moveTo(x, y - 9); c.lineTo(x, y + 9);
        c.stroke();
      }
    }

    /** Names of chapters, in the corner of their box; the larger chapters first. */
    drawNames(c, k, heading, ink, sunk) {
      this.names = [];
      c.textAlign = "left";
      c.textBaseline = "top";
      const order = this.chapters.map((_, i) => i).sort((a, b) => this.chapters[b].box[2] * this.chapters[b].box[3] - this.chapters[a].box[2] * this.chapters[a].box[3]);
      for (const i of order) {
        const { box, name } = this.chapters[i], size = Math.max(11.5, Math.min(21, 26 * k));
        c.font = `600 ${size}px ${heading}`;
        const [left, top] = this.screen(box[0], box[1]);
        const w = c.measureText(name).width, x = left + 3, y = top + 1;
        const label = { x, y, w, h: size * 1.2, c: i };
        if (x > this.width || y > this.height || x + w < 0 || y + label.h < 0) continue;
        const squeezed = w > box[2] * k + 30 && w > 60 && box[2] * k < 40;
        if (squeezed || this.names.some((o) => overlap(o, label))) continue;
        this.names.push(label);
        c.lineWidth = 4;
        c.lineJoin = "round";
        c.strokeStyle = sunk;
        c.globalAlpha = this.chapter < 0 || this.chapter === i ? 1 : 0.35;
        c.strokeText(name, x, y);
        c.fillStyle = ink;
        c.fillText(name, x, y);
      }
      c.globalAlpha = 1;
    }

    /** Labels in the order of importance, each only where no other label or name is. */
    drawLabels(c, k, font, focus, close, ink, muted, sunk) {
      const size = Math.max(11, Math.min(15, 12.2 * Math.sqrt(k)));
      const reach = 3.4 * Math.min(1.5, Math.max(0.55, Math.sqrt(k)));
      const dots = this.nodes.map((n, i) => {
        const [x, y] = this.screen(n.x, n.y - this.lift(n));
        return { x: x - reach, y: y - reach, w: 2 * reach, h: 2 * reach, i };
      }).filter((dot) => this.shown(dot.i));
      const taken = [...this.names];
      this.labels = [];
      c.textAlign = "center";
      c.textBaseline = "top";
      const order = this.nodes.map((_, i) => i);
      const first = order.filter((i) => i === focus), second = order.filter((i) => close.has(i)), rest = order.filter((i) => i !== focus && !close.has(i));
      // Far away only what matters most has a name; the concepts come in the order of importance.
      const most = this.nodes.length * Math.min(1, (k / 0.48) ** 2), foremost = this.nodes.length * 0.1;
      for (const i of [...first, ...second, ...(focus >= 0 && k < 0.7 ? [] : rest)]) {
        const n = this.nodes[i], near = i === focus || close.has(i);
        if (!this.shown(i) || (i > most && !near && this.chapter < 0)) continue;
        const [x, y] = this.screen(n.x, n.y - this.lift(n));
        if (x < -60 || y < -30 || x > this.width + 60 || y > this.height + 10) continue;
        c.font = `${i === focus ? 650 : 450} ${size}px ${font}`;
        const w = Math.max(...n.lines.map((line) => c.measureText(line).width));
        const top = y + 5 + 3.5 * Math.min(1.5, Math.max(0.55, Math.sqrt(k)));
        const box = { x: x - w / 2 - 2, y: top, w: w + 4, h: size * 1.18 * n.lines.length, i };
        if (taken.some((other) => overlap(other, box))) continue;
        if (i > foremost && !near && dots.some((dot) => dot.i !== i && overlap(dot, box))) continue;
        taken.push(box);
        this.labels.push(box);
        c.globalAlpha = focus >= 0 && i !== focus && !close.has(i) ? 0.55 : 1;
        c.lineWidth = 3;
        c.strokeStyle = sunk;
        c.fillStyle = ink;
        n.lines.forEach((line, row) => {
          c.strokeText(line, x, top + row * size * 1.18);
          c.fillText(line, x, top + row * size * 1.18);
        });
      }
      c.globalAlpha = 1;
    }
  }

  const overlap = (a, b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

  customElements.define("wsw-concept-map", ConceptMap);
})();
