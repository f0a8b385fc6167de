"use strict";
// Tables of a line a solver: a click on a header sorts them by the first number in their cells.

const figureIn = (text) => {
  const found = text.replace(/^</, "").match(/-?\d+(\.\d+)?(e[+-]?\d+)?/i);
  return found ? Number(found[0]) : null;
};

function compareCells(a, b, isUp) {
  const [x, y] = [figureIn(a), figureIn(b)];
  if (x === null && y === null) return isUp ? a.localeCompare(b) : b.localeCompare(a);
  if (x === null || y === null) return x === null ? 1 : -1; // what has no number comes last
  return isUp ? x - y : y - x;
}

// The first row is that of the headers.
function sortTable(table, column, isUp) {
  const cell = (line) => line.cells[column].textContent;
  const names = (a, b) => (isUp ? 1 : -1) * a.localeCompare(b);
  const order = column === 0 ? names : (a, b) => compareCells(a, b, isUp);
  const lines = [...table.rows].slice(1).sort((a, b) => order(cell(a), cell(b)));
  table.tBodies[0].append(...lines);
  [...table.rows[0].cells].forEach((header, place) => {
    const sorted = place === column ? (isUp ? "ascending" : "descending") : "none";
    header.setAttribute("aria-sort", sorted);
  });
}

function makeSortable(table) {
  [...table.rows[0].cells].forEach((header, column) => {
    const button = make("button", { type: "button" }, ...header.childNodes);
    header.append(button);
    header.setAttribute("aria-sort", "none");
    button.addEventListener("click", () =>
      sortTable(table, column, header.getAttribute("aria-sort") !== "ascending"));
  });
}
