// Makes the landscape's tables sortable and filterable. Without it they are plain tables.
for (const table of document.querySelectorAll("table.wsw-landscape")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const heads = [...table.tHead.rows[0].cells];
  const tools = document.createElement("div");
  tools.className = "wsw-table-tools";
  const input = Object.assign(document.createElement("input"), { type: "search", placeholder: "Filter: all words must occur" });
  input.setAttribute("aria-label", "Filter the table");
  const count = document.createElement("output");
  tools.append(input, count);
  const box = table.closest(".wsw-landscape-box");
  box.prepend(tools);

  const filter = () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let visible = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      visible += !row.hidden;
    }
    count.value = `${visible} of ${rows.length}`;
  };
  input.addEventListener("input", filter);
  filter();

  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.querySelector("p").childNodes);
    head.querySelector("p").append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => row.cells[column].textContent.trim();
      const number = (text) => (/^[\d,.]+$/.test(text) ? Number(text.replaceAll(",", "")) : NaN);
      const compare = (a, b) => {
        const [x, y] = [value(a), value(b)];
        if ((x === "?") !== (y === "?")) return x === "?" ? 1 : -1;  // unknown last, whichever way
        const order = number(x) - number(y);
        return (Number.isNaN(order) ? x.localeCompare(y) : order) * (down ? -1 : 1);
      };
      body.append(...rows.sort(compare));
    });
  });
}
