"use strict";
// A network with the node of every layer: boxes in the nodes' colours, what crosses in bold.

const SEVERAL = ["#ffffff", "#111111"]; // of a box whose stripes are in the nodes' colours

function drawDag(drawing, layers, homes, colourOf, sliced) {
  const [width, height] = drawing.size;
  const [wide, high] = drawing.box;
  const places = layers.map((layer) => homes[layer.name].join(", "));
  const lines = { within: [], across: [] };
  drawing.edges.forEach(([tail, head], place) => {
    lines[places[tail] === places[head] ? "within" : "across"].push(drawing.lines[place]);
  });
  const boxes = layers.map((layer, place) => {
    const [x, y] = drawing.centres[place];
    const nodes = homes[layer.name];
    const [fill, ink] = nodes.length > 1 ? SEVERAL : colourOf[nodes[0]];
    const name = shortened(layer.name, Math.floor(wide / 6.2));
    return draw("g", {},
      draw("title", {}, `${layer.name}: ${layer.op}, on ${places[place]}`),
      draw("rect", { x: x - wide / 2, y: y - high / 2, width: wide, height: high, rx: 4, fill,
        ...(sliced.has(layer.name) ? { class: "sliced" } : {}) }),
      ...(nodes.length > 1 ? stripes(nodes, colourOf, x - wide / 2, y - high / 2, high) : []),
      draw("text", { x, y: y + 4, fill: ink }, name));
  });
  return draw("svg", {
    class: "dag", viewBox: `-4 -4 ${width + 8} ${height + 8}`, width: width + 8,
    height: height + 8, role: "img",
    "aria-label": `${counted(layers.length, "layer")} and where they run; the table says it too`,
  },
  draw("path", { class: "within", d: lines.within.join("") }),
  draw("path", { class: "across", d: lines.across.join("") }),
  ...boxes);
}

// One below the other, left in a box and as high as it together.
function stripes(nodes, colourOf, x, y, height) {
  const part = height / nodes.length;
  return nodes.map((node, place) =>
    draw("rect", { x, y: y + place * part, width: 9, height: part, fill: colourOf[node][0] }));
}

// A long name without its middle.
function shortened(name, most) {
  if (name.length <= most) return name;
  const tail = Math.floor((most - 1) / 2);
  return `${name.slice(0, most - 1 - tail)}…${name.slice(name.length - tail)}`;
}

// Runs of layers on the same nodes, in the drawing's order: [node, layers, first, last].
function runsOn(order, layers, homes) {
  const runs = [];
  for (const place of order) {
    const { name } = layers[place];
    const nodes = homes[name].join(", ");
    const run = runs.at(-1);
    if (run && run[0] === nodes) { run[1] += 1; run[3] = name; }
    else runs.push([nodes, 1, name, name]);
  }
  return runs;
}
