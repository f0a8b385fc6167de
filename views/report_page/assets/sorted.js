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

function sortTable(table, column, isUp) {
  const isName = column === 0;
  const cell = (line) => line.cells[column].textContent;
  const lines = [...table.tBodies[0].rows].sort((a, b) =>
    isName ? (isUp ? 1 : -1) * cell(a).localeCompare(cell(b)) : compareCells(cell(a), cell(b), isUp));
  table.tBodies[0].append(...lines);
  [...table.tHead.rows[0].cells].forEach((header, place) => {
    const order = place === column ? (isUp ? "ascending" : "descending") : "none";
    header.setAttribute("aria-sort", order);
  });
}

function makeSortable(table) {
  [...table.tHead.rows[0].cells].forEach((header, column) => {
    const button = make("button", { type: "button" }, ...header.childNodes);
    header.append(button);
    header.setAttribute("aria-sort", "none");
    button.addEventListener("click", () =>
      sortTable(table, column, header.getAttribute("aria-sort") !== "ascending"));
  });
}
