// <wsw-timeline>: gives life to the picture in its shadow root. Several outputs carry this script; the first defines it.
(() => {
  // An element may start before the parser has reached its sound; the script after it starts it then.
  if (customElements.get("wsw-timeline")) return document.querySelectorAll("wsw-timeline").forEach((e) => e.start());
  let playing = null;
  const clock = (s) => Math.floor(s / 60) + ":" + (s % 60).toFixed(1).padStart(4, "0");
  customElements.define("wsw-timeline", class extends HTMLElement {
    connectedCallback() { setTimeout(() => this.start()); }
    disconnectedCallback() { const audio = this.querySelector("audio"); if (audio) audio.pause(); }
    start() {
      if (this.ready || !this.isConnected) return;
      let root = this.shadowRoot;
      if (!root) {
        const template = this.querySelector("template");
        if (!template) return;
        root = this.attachShadow({ mode: "open" });
        root.append(template.content.cloneNode(true));
        template.remove();
      }
      const audio = this.querySelector("audio");
      if (!audio) return;
      this.ready = true;
      const one = (q) => root.querySelector(q), all = (q) => [...root.querySelectorAll(q)];
      const card = one(".card"), go = one(".go"), out = one("output"), wave = one(".wave"), line = one("u"), box = one(".scroll");
      const track = wave.querySelector(".t"), lanes = all(".turns"), length = +this.dataset.duration;
      const turns = lanes.flatMap((lane) => [...lane.querySelectorAll("button")]);
      const start = (b) => +b.dataset.s, end = (b) => +b.dataset.e;
      let only = null, frame = 0;
      card.classList.add("live");
      const draw = () => {
        const t = Math.min(audio.currentTime, length);
        line.style.left = (100 * t) / length + "%";
        out.textContent = clock(t) + " / " + clock(length);
        wave.setAttribute("aria-valuenow", t.toFixed(2));
        wave.setAttribute("aria-valuetext", t.toFixed(1) + " seconds");
        for (const b of turns) b.classList.toggle("on", !audio.paused && (only ? b === only : t >= start(b) && t < end(b)));
        if (!audio.paused && box.scrollWidth > box.clientWidth) {
          const x = line.getBoundingClientRect().left - box.getBoundingClientRect().left;
          if (x > box.clientWidth * 0.85 || x < 100) box.scrollLeft += x - box.clientWidth * 0.4;
        }
      };
      const tick = () => {
        if (only && audio.currentTime >= end(only)) { audio.pause(); only = null; }
        draw();
        if (!audio.paused) frame = requestAnimationFrame(tick);
      };
      const seek = (t) => { only = null; audio.currentTime = Math.max(0, Math.min(length - 0.01, t)); draw(); };
      const toggle = () => {
        only = null;
        if (!audio.paused) return audio.pause();
        if (audio.currentTime >= length - 0.05) audio.currentTime = 0;
        audio.play();
      };
      const say = (b) => {
        if (only === b && !audio.paused) return audio.pause();
        audio.currentTime = start(b); only = b; audio.play();
      };
      audio.addEventListener("play", () => {
        if (playing && playing !== audio) playing.pause();
        playing = audio;
        go.classList.add("on"); go.setAttribute("aria-pressed", "true");
        cancelAnimationFrame(frame); tick();
      });
      audio.addEventListener("pause", () => { go.classList.remove("on"); go.setAttribute("aria-pressed", "false"); draw(); });
      audio.addEventListener("seeked", draw);
      audio.addEventListener("timeupdate", () => { if (only && audio.currentTime >= end(only) + 0.05) audio.pause(); });
      go.onclick = toggle;
      const point = (e) => { const r = track.getBoundingClientRect(); seek((length * (e.clientX - r.left)) / r.width); };
      wave.addEventListener("pointerdown", (e) => { point(e); wave.setPointerCapture(e.pointerId); wave.onpointermove = point; });
      for (const name of ["pointerup", "pointercancel"]) wave.addEventListener(name, () => { wave.onpointermove = null; });
      // One stop of the Tab key a lane; the arrows go from turn to turn.
      for (const lane of lanes) [...lane.querySelectorAll("button")].forEach((b, i) => { b.tabIndex = i ? -1 : 0; });
      for (const b of turns) b.onclick = () => say(b);
      const focus = (b) => {
        if (!b) return;
        for (const other of b.parentNode.children) other.tabIndex = other === b ? 0 : -1;
        b.focus();
      };
      card.addEventListener("keydown", (e) => {
        if (e.altKey || e.ctrlKey || e.metaKey) return;
        const b = turns.includes(e.target) ? e.target : null, key = e.key, far = e.shiftKey ? 5 : 1;
        const side = { ArrowRight: 1, ArrowLeft: -1 }[key], level = { ArrowDown: 1, ArrowUp: -1 }[key];
        if (key === " ") b ? say(b) : toggle();
        else if (key === "Enter" && b) say(b);
        else if (b && side) focus([...b.parentNode.children][[...b.parentNode.children].indexOf(b) + side]);
        else if (b && level) {
          const lane = lanes[lanes.indexOf(b.closest(".turns")) + level];
          if (lane) focus([...lane.querySelectorAll("button")].sort((p, q) => Math.abs(start(p) - start(b)) - Math.abs(start(q) - start(b)))[0]);
        } else if (side || level) seek(audio.currentTime + (side || -level) * far);
        else if (key === "Home") seek(0);
        else if (key === "End") seek(length);
        else return;
        e.preventDefault(); e.stopPropagation();
      });
      draw();
    }
  });
})();
