// Definitions of terms under the pointer, at keyboard focus and at a tap. The data are a script of their own
// (wsw-terms-data.js, written by each build), because a page opened from a disk cannot fetch a file.
(() => {
  "use strict";
  const here = document.currentScript.src;
  const DELAY = 250, GRACE = 220, GAP = 8, EDGE = 8;
  let tip = null, shown = null, timer = 0, leaving = 0, asked = null, pointer = "mouse";

  /** The data, loaded once and only on pages with terms; an empty set when the file is missing. */
  function data() {
    asked ??= new Promise((resolve) => {
      const script = document.createElement("script");
      script.src = new URL("wsw-terms-data.js", here).href;
      script.onload = script.onerror = () => resolve(globalThis.wswTerms || { terms: {} });
      document.head.append(script);
    });
    return asked;
  }

  const linkOf = (target) => (target instanceof Element ? target.closest('a[href*="#term-"]') : null);
  const anchorOf = (link) => decodeURIComponent(link.hash.slice(1));

  function build() {
    tip = document.createElement("div");
    tip.className = "wsw-tip";
    tip.hidden = true;
    tip.innerHTML = '<div role="tooltip" id="wsw-tip-text"><b></b> <span></span></div><a>Open in the glossary</a>';
    tip.addEventListener("pointerenter", () => clearTimeout(leaving));
    tip.addEventListener("pointerleave", (event) => event.pointerType !== "touch" && leave());
    document.body.append(tip);
  }

  function place(link) {
    const width = document.documentElement.clientWidth, height = document.documentElement.clientHeight;
    tip.style.maxWidth = `${Math.min(368, width - 2 * EDGE)}px`;
    tip.style.left = tip.style.top = "0";
    const boxes = [...link.getClientRects()];
    const box = boxes[boxes.length - 1] || link.getBoundingClientRect(); // a link may be broken over two lines
    const size = tip.getBoundingClientRect();
    const left = Math.max(EDGE, Math.min(box.left + box.width / 2 - size.width / 2, width - EDGE - size.width));
    const below = box.bottom + GAP;
    let top = below + size.height > height - EDGE ? boxes[0].top - GAP - size.height : below;
    top = Math.max(EDGE, Math.min(top, height - EDGE - size.height));
    tip.style.left = `${left}px`;
    tip.style.top = `${top}px`;
  }

  async function show(link, touched) {
    const { terms } = await data();
    const entry = terms[anchorOf(link)];
    if (!entry || !link.isConnected) return false;
    if (!tip) build();
    hide();
    tip.querySelector("b").textContent = entry[0];
    tip.querySelector("span").textContent = entry[1];
    const more = tip.querySelector("a");
    more.href = link.href;
    more.hidden = !touched;
    tip.hidden = false;
    shown = link;
    const others = (link.getAttribute("aria-describedby") || "").split(" ").filter((id) => id && id !== "wsw-tip-text");
    link.setAttribute("aria-describedby", [...others, "wsw-tip-text"].join(" "));
    place(link);
    return true;
  }

  function hide() {
    clearTimeout(timer);
    clearTimeout(leaving);
    if (!shown) return;
    const others = (shown.getAttribute("aria-describedby") || "").split(" ").filter((id) => id && id !== "wsw-tip-text");
    if (others.length) shown.setAttribute("aria-describedby", others.join(" "));
    else shown.removeAttribute("aria-describedby");
    shown = null;
    tip.hidden = true;
  }

  function leave() {
    clearTimeout(timer);
    clearTimeout(leaving);
    leaving = setTimeout(hide, GRACE); // time to move the pointer onto the definition
  }

  document.addEventListener("pointerdown", (event) => {
    pointer = event.pointerType || "mouse";
    if (shown && !tip.contains(event.target) && linkOf(event.target) !== shown) hide();
  }, true);

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const link = linkOf(event.target);
    if (!link || tip?.contains(link)) return;
    clearTimeout(leaving);
    if (link === shown) return;
    clearTimeout(timer);
    timer = setTimeout(() => show(link, false), DELAY);
  });
  document.addEventListener("pointerout", (event) => {
    const link = linkOf(event.target);
    if (event.pointerType === "touch" || !link || link.contains(event.relatedTarget) || tip?.contains(link)) return;
    leave();
  });

  document.addEventListener("focusin", (event) => {
    const link = linkOf(event.target);
    if (link && !tip?.contains(link) && link.matches(":focus-visible")) show(link, false);
  });
  document.addEventListener("focusout", (event) => {
    if (linkOf(event.target) === shown && !tip?.contains(event.relatedTarget)) hide();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    clearTimeout(timer);
    if (shown) {
      hide();
      event.stopPropagation();
    }
  }, true);

  // The first tap shows the definition, the second one follows the link.
  document.addEventListener("click", (event) => {
    const link = linkOf(event.target);
    if (!link || tip?.contains(link) || event.detail === 0) return; // 0: Enter, or a screen reader
    if ((event.pointerType || pointer) !== "touch" || link === shown || !globalThis.wswTerms?.terms[anchorOf(link)]) return;
    event.preventDefault();
    event.stopPropagation();
    show(link, true);
  }, true);

  addEventListener("scroll", () => {
    if (!shown) return;
    const box = shown.getBoundingClientRect();
    if (box.bottom < 0 || box.top > document.documentElement.clientHeight) hide();
    else place(shown);
  }, { passive: true, capture: true }); // capture: tables scroll, too
  addEventListener("resize", hide);

  const start = () => document.querySelector('a[href*="#term-"]') && data();
  if (document.readyState === "complete") start();
  else addEventListener("load", start);
})();
