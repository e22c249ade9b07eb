"use strict";
// Light or dark, as the system says until the reader says otherwise.
const root = document.documentElement;
const wanted = matchMedia("(prefers-color-scheme: dark)");
const dress = (dark) => { root.dataset.theme = dark ? "dark" : "light"; root.style.colorScheme = root.dataset.theme; };
dress(wanted.matches);
wanted.addEventListener("change", (event) => dress(event.matches));
document.getElementById("theme").addEventListener("click", () => dress(root.dataset.theme !== "dark"));

// Tables: a click, Enter or Space on a title sorts, a second one turns the order round.
for (const head of document.querySelectorAll("thead th")) {
  head.querySelector("button").addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") !== "ascending";
    const body = head.closest("table").tBodies[0];
    const column = head.cellIndex;
    const known = (row) => row.cells[column].dataset.key !== "" || row.cells[column].textContent !== "";
    const compare = (a, b) => {
      if (known(a) !== known(b)) return known(a) ? -1 : 1;
      const [x, y] = [a, b].map((row) => row.cells[column]);
      const order = x.dataset.key !== "" && y.dataset.key !== "" ? x.dataset.key - y.dataset.key
        : x.textContent.localeCompare(y.textContent, "en", { numeric: true });
      return up ? order : -order;
    };
    body.append(...[...body.rows].sort(compare));
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
  });
}

// Charts: colours are variables of the style sheet, so that they change with it.
const line = "var(--line)", text = "var(--text)", soft = "var(--soft)";
const config = {
  background: null,
  font: "system-ui, sans-serif",
  view: { stroke: null },
  axis: { labelColor: text, titleColor: soft, gridColor: line, domainColor: line, tickColor: line, gridOpacity: 0.6, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal", labelLimit: 150 },
  legend: { labelColor: text, titleColor: soft, labelFontSize: 12, titleFontSize: 12, labelLimit: 320, symbolLimit: 60, columnPadding: 16, layout: { top: { direction: "vertical", anchor: "start" } } },
};
