// A page opened from a disk cannot fetch other pages, so the search shows titles only there.
if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined") {
  DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
}
// Wide tables scroll in a box of their own, which the keyboard can reach.
document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll("article table")) {
    if (table.closest(".wsw-table, .pst-scrollable-table-container, .wsw-scroll")) continue;
    const box = document.createElement("div");
    box.className = "wsw-scroll";
    box.tabIndex = 0;
    table.replaceWith(box);
    box.append(table);
  }
});
