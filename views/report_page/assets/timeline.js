"use strict";
// When nodes compute and links send: a schedule as it is, or layers and tensors one by one.

const ROW = 26, LEFT = 150, ROOM = 760;

// Of a plan of one task; null where layers are sliced, or the cost is no sum over layers.
function spansOf(plan, instance, network) {
  const [entry] = plan.tasks;
  if (entry.stages?.length || !entry.placement) return null;
  if (plan.objective.name === "makespan" && entry.schedule) return scheduled(entry);
  const times = instance.times[plan.objective.pass ?? ""];
  if (plan.objective.name !== "latency" || !times || !network.drawing) return null;
  const nodes = network.layers.map((layer) => entry.placement[layer.name]);
  const goals = goalsOf(nodes, network.layers, instance.tasks[0].results_to, times);
  return oneByOne(plan.objective.transfers, nodes, goals, network, times);
}

const way = (tail, head) => `${tail} → ${head}`;

function scheduled(entry) {
  const layers = Object.entries(entry.schedule.layers).map(([name, [from, to]]) => {
    const node = entry.placement[name];
    return { row: node, node, from, to, name };
  });
  const transfers = entry.schedule.transfers.map(([name, tail, head, from, to]) =>
    ({ row: way(tail, head), node: tail, from, to, name }));
  return [...layers, ...transfers];
}

// As latency counts: every layer, then its tensor over the links that it crosses.
function oneByOne(transfers, nodes, goals, { layers, drawing }, times) {
  const spans = [];
  let now = 0;
  const add = (row, node, seconds, name) => {
    if (seconds > 0) spans.push({ row, node, from: now, to: now + seconds, name });
    now += seconds ?? NaN;
  };
  for (const layer of drawing.order) {
    const home = nodes[layer];
    add(home, home, times.nodes[home][layer], layers[layer].name);
    for (const link of linksCrossed(transfers, home, goals[layer], times)) {
      const [tail, head, seconds] = times.links[link];
      add(way(tail, head), tail, seconds[layer], layers[layer].name);
    }
  }
  return Number.isFinite(now) ? spans : null;
}

// The nodes to which every layer's tensor goes, one an edge, and that of a result.
function goalsOf(nodes, layers, home, times) {
  const places = new Map(layers.map((layer, place) => [layer.name, place]));
  const goals = layers.map(() => []);
  layers.forEach((layer, place) => {
    for (const tail of layer.inputs ?? []) goals[places.get(tail)].push(nodes[place]);
  });
  if (!missing(home)) for (const layer of times.results) goals[layer].push(home);
  return goals;
}

// `once`: a link of all the ways together; `per-edge`: the whole way for every reader.
function linksCrossed(transfers, home, goals, times) {
  const ways = (heads) => heads.flatMap((head) => (head === home ? [] : times.ways[home][head]));
  return transfers === "once" ? new Set(ways([...new Set(goals)])) : ways(goals);
}

function drawTimeline(spans, colourOf) {
  const rows = [...new Set(spans.map((span) => span.row))];
  const end = Math.max(...spans.map((span) => span.to));
  const height = ROW * rows.length + 24;
  const at = (seconds) => LEFT + (seconds / end) * ROOM;
  const labels = rows.map((row, place) =>
    draw("text", { x: LEFT - 8, y: ROW * place + 17, class: "label" }, shortened(row, 22)));
  const bars = spans.map((span) => draw("rect", {
    x: at(span.from), y: ROW * rows.indexOf(span.row) + 3, height: ROW - 6,
    width: Math.max(at(span.to) - at(span.from), 0.8), fill: colourOf[span.node][0],
  }, draw("title", {}, `${span.name}: ${inSeconds(span.from)} to ${inSeconds(span.to)}`)));
  const ticks = [0, 0.25, 0.5, 0.75, 1].flatMap((share) => [
    draw("line", { x1: at(share * end), x2: at(share * end), y1: 0, y2: ROW * rows.length }),
    draw("text", { x: at(share * end), y: height - 6, class: "tick" }, inSeconds(share * end)),
  ]);
  return draw("svg", {
    class: "timeline", viewBox: `0 0 ${LEFT + ROOM + 40} ${height}`, width: LEFT + ROOM + 40, height,
    role: "img", "data-end": end,
    "aria-label": `when ${counted(rows.length, "node or link")} are busy, from 0 to ${inSeconds(end)}`,
  }, ...ticks, ...labels, ...bars);
}
