"use strict";
// What happens when: tables first, then pictures and plans, then whatever is asked for.

let plans = null;
const loadedPlans = () => (plans ??= unpacked("plan-data"));
const dialog = document.getElementById("plan");

async function openRow(row) {
  const data = await loadedPlans();
  const [plan, instance] = [planOf(data, row), instanceOf(data, row)];
  document.getElementById("plan-title").textContent =
    `${row.solver} on ${row.instance}, seed ${row.seed}`;
  document.getElementById("plan-files").replaceChildren(...saveButtons(row, plan, instance));
  const parts = plan ? planParts(plan, instance, data) : [];
  document.getElementById("plan-body").replaceChildren(claims(row), ...parts);
  if (!dialog.open) dialog.showModal();
  dialog.scrollTop = 0;
  history.replaceState(null, "", `#run-${row.number}`); // an address that can be sent
}

function putCharts(place, charts) {
  for (const [label, svg] of Object.entries(charts)) {
    const drawn = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
    drawn.setAttribute("role", "img");
    drawn.setAttribute("aria-label", label);
    place.append(make("figure", {}, scrolled(label, document.importNode(drawn, true))));
  }
}

async function start() {
  document.querySelectorAll(".lines table").forEach(makeSortable);
  dialog.addEventListener("close", () => history.replaceState(null, "", "#"));
  const data = await unpacked("row-data");
  const rows = rowsOf(data.rows);
  const places = [...document.querySelectorAll("section[data-objective]")];
  await Promise.all(places.map((section) => {
    const { objective, unit } = section.dataset;
    const own = rows.filter((row) => row.objective === objective);
    return runsTable(section.querySelector(".runs"), own, unit);
  }));
  for (const section of places) {
    putCharts(section.querySelector(".charts"), data.charts[section.dataset.objective]);
  }
  document.documentElement.dataset.shown = String(Math.round(performance.now()));
  const asked = location.hash.match(/^#run-(\d+)$/);
  if (asked && rows[asked[1]]) await openRow(rows[asked[1]]);
  else await loadedPlans();
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

start().catch((error) => {
  document.querySelector("header").append(make("p", {}, `This browser cannot show the rows: ${error}`));
  throw error;
});
