// Filter of the claims ledger. Without it, every claim is shown.
(() => {
  const legend = document.querySelector(".wsw-claims-legend");
  if (!legend) return;
  const claims = [...document.querySelectorAll(".wsw-claim")];
  const chapters = [...document.querySelectorAll(".wsw-claims-chapter")];
  const verdicts = [...legend.querySelectorAll(".wsw-verdict")].map((badge) => badge.textContent.trim());
  const bar = document.createElement("div");
  bar.className = "wsw-claims-filter";
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Show claims by verdict");
  const status = document.createElement("span");
  status.className = "wsw-claim-where";
  status.setAttribute("role", "status");
  function show(wanted) {
    for (const button of bar.querySelectorAll("button")) button.setAttribute("aria-pressed", String(button.value === wanted));
    for (const claim of claims) claim.hidden = wanted !== "all" && !claim.classList.contains(`wsw-claim-${wanted.replaceAll(" ", "-")}`);
    for (const chapter of chapters) chapter.hidden = !chapter.querySelector(".wsw-claim:not([hidden])");
    const shown = claims.filter((claim) => !claim.hidden).length;
    status.textContent = wanted === "all" ? "" : `${shown} of ${claims.length} shown`;
  }
  for (const name of ["all", ...verdicts]) {
    const button = document.createElement("button");
    button.type = "button";
    button.value = name;
    button.textContent = name[0].toUpperCase() + name.slice(1);
    button.addEventListener("click", () => show(name));
    bar.append(button);
  }
  bar.append(status);
  legend.append(bar);
  // A link to a claim must reach it whatever the filter hides.
  window.addEventListener("hashchange", () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target?.closest("[hidden]") || target?.hidden) {
      show("all");
      target.scrollIntoView();
    }
  });
  show("all");
})();
