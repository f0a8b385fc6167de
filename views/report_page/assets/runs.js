"use strict";
// The table of all runs of an objective: Tabulator, which draws only the rows in sight.

// `< 1`, `>= 0.5` or a number in the unit shown; any other text must stand in the cell.
function matches(asked, shown, figure) {
  const found = asked.match(/^\s*(<=|>=|<|>|=)\s*(-?[\d.]+(e[+-]?\d+)?)/i);
  if (!found) return shown.toLowerCase().includes(asked.trim().toLowerCase());
  if (missing(figure)) return false;
  const limit = Number(found[2]);
  return { "<": figure < limit, ">": figure > limit, "<=": figure <= limit, ">=": figure >= limit,
    "=": figure === limit }[found[1]];
}

// Rows without a figure come last, whatever the order.
function byFigure(a, b, first, second, column, order) {
  if (missing(a) || missing(b)) return (missing(a) - missing(b)) * (order === "asc" ? 1 : -1);
  return a - b;
}

function textColumn(title, field, more) {
  return { title, field, sorter: "string", headerFilter: "input", tooltip: true, minWidth: 90,
    headerFilterPlaceholder: "contains", ...more };
}

function figureColumn(title, field, shown, scale, more) {
  return {
    title, field, sorter: byFigure, hozAlign: "right", headerHozAlign: "right", width: 112,
    headerFilter: "input", headerFilterPlaceholder: "< 1",
    formatter: (cell) => shown(cell.getValue(), cell.getData()),
    headerFilterFunc: (asked, value, row) =>
      matches(asked, shown(value, row), missing(value) ? null : scale * value),
    ...more,
  };
}

const orDash = (write) => (value) => (missing(value) ? "-" : write(value));

function runColumns(rows, unit) {
  const hasSeeds = new Set(rows.map((row) => row.seed)).size > 1;
  const gap = (value, row) =>
    missing(value) ? (missing(row.value) ? "-" : "no bound") : percent(value);
  return [
    { title: "plan", field: "number", headerSort: false, width: 72, responsive: 0,
      formatter: planButton },
    textColumn("instance", "instance", { responsive: 1, widthGrow: 2 }),
    textColumn("solver", "solver", { responsive: 0, widthGrow: 2 }),
    figureColumn("seed", "seed", String, 1, { visible: hasSeeds, width: 84, responsive: 6 }),
    figureColumn(`value ${unit}`, "value", orDash((value) => digits(value, 6)), 1,
      { width: 104, responsive: 0 }),
    figureColumn("gap", "gap", gap, 100, { responsive: 2 }),
    figureColumn("speed-up", "speedup", orDash((value) => `${digits(value, 3)}x`), 1,
      { responsive: 3 }),
    figureColumn("seconds", "runtime_s", orDash((value) => value.toFixed(4)), 1,
      { responsive: 4 }),
    textColumn("status", "shown", { responsive: 5, widthGrow: 2, minWidth: 170 }),
  ];
}

function planButton(cell) {
  const row = cell.getData();
  const label = `open ${row.solver} on ${row.instance}, seed ${row.seed}`;
  const button = make("button", { type: "button", "aria-label": label }, "open");
  button.addEventListener("click", () => openRow(row));
  return button;
}

function runsTable(place, rows, unit) {
  const count = make("p", { class: "count", "aria-live": "polite" }, counted(rows.length, "run"));
  const home = make("div", {});
  place.append(count, home);
  const table = new Tabulator(home, {
    data: rows, columns: runColumns(rows, unit), index: "number",
    layout: "fitColumns", responsiveLayout: "hide", maxHeight: "75vh",
    columnDefaults: { headerSortTristate: true },
  });
  table.on("dataFiltered", (filters, left) => {
    const all = counted(rows.length, "run");
    count.textContent = left.length === rows.length ? all : `${left.length} of ${all}`;
  });
  return new Promise((built) => table.on("tableBuilt", () => { reachable(home); built(table); }));
}

// Headers are sorted by keys, and filters say what they filter.
function reachable(home) {
  home.querySelector("[role=grid]")?.setAttribute("aria-label", "Runs");
  for (const header of home.querySelectorAll(".tabulator-col.tabulator-sortable")) {
    header.setAttribute("tabindex", "0");
    header.addEventListener("keydown", (event) => {
      if (event.target !== header || ![" ", "Enter"].includes(event.key)) return;
      event.preventDefault();
      header.click();
    });
  }
  for (const header of home.querySelectorAll(".tabulator-col")) {
    const title = header.querySelector(".tabulator-col-title").textContent;
    header.querySelector("input")?.setAttribute("aria-label", `filter ${title}`);
  }
}
