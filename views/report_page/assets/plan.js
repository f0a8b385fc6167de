"use strict";
// One run: what the plan claims, where layers run, when, what is loaded, and the files to save.

function valueText(objective, value) {
  if (missing(value)) return "-";
  return objective === "throughput" ? `${digits(value, 6)} per s` : inSeconds(value);
}

function claims(row) {
  const bound = row.upper_bound ?? row.lower_bound;
  const said = [
    [row.objective, valueText(row.objective, row.value)],
    ["bound", valueText(row.objective, bound)],
    ["gap", missing(row.gap) ? "-" : percent(row.gap)],
    ["speed-up", missing(row.speedup) ? "-" : `${digits(row.speedup, 3)}x`],
    ["run time", inSeconds(row.runtime_s)],
    ["status", row.shown],
    ["reason", row.reason ?? ""],
  ];
  const shown = said.filter(([, text]) => text !== "");
  return make("dl", {}, ...shown.flatMap(([name, text]) =>
    [make("dt", {}, name), make("dd", {}, text)]));
}

// The layers of a task's network, how they are drawn, if they are, and where its input begins.
function networkOf(task, instance, data) {
  const { model, source } = instance.tasks.find((own) => own.name === task.task);
  const place = instance.models.findIndex((each) => each.name === model);
  const { layers } = instance.models[place];
  const drawing = data.drawings[instance.drawings[place]];
  return { layers, drawing, source, order: drawing?.order ?? [...layers.keys()] };
}

// The nodes of every layer: those of its replicas, where it has any, else the one it is placed on.
function homesOf(task, { layers, order, source }) {
  const held = Object.fromEntries(layers.map((layer) => [layer.name, []]));
  const chain = order.map((place) => layers[place]).filter((layer) => layer.op !== "input");
  for (const { node, layers: [first, end] } of task.replicas ?? []) {
    for (const layer of chain.slice(first, end)) held[layer.name].push(node);
  }
  const placed = (layer) => task.placement?.[layer.name] ?? (layer.op === "input" ? source : null);
  for (const layer of layers) {
    if (!held[layer.name].length) held[layer.name] = [placed(layer)];
  }
  return held;
}

function dagPart(task, instance, data) {
  const network = networkOf(task, instance, data);
  const homes = homesOf(task, network);
  if (!Object.values(homes).every((nodes) => nodes.every((node) => node in instance.colourOf))) {
    return []; // the plan places nothing
  }
  const lines = runsOn(network.order, network.layers, homes).map((run) => run.map(String));
  const parts = [tableOf("Layers in a row on the same node", ["node", "layers", "first", "last"], lines)];
  if (network.drawing) {
    const sliced = new Set((task.stages ?? []).flatMap((stage) => stage.layers));
    const dag = drawDag(network.drawing, network.layers, homes, instance.colourOf, sliced);
    const names = [...new Set(Object.values(homes).flat())];
    parts.unshift(legend(names, instance.colourOf, sliced.size > 0),
      scrolled("Layers and where they run", dag, "tall"));
  }
  return parts;
}

function legend(names, colourOf, isSliced) {
  const entries = names.map((name) => make("li", {}, swatch({ fill: colourOf[name][0] }), name));
  if (isSliced) entries.push(make("li", {}, "dashed: sliced over nodes"));
  return make("ul", { class: "legend" }, ...entries);
}

function swatch(look) {
  return draw("svg", { class: "swatch", width: 12, height: 12, "aria-hidden": "true" },
    draw("rect", { width: 12, height: 12, ...look }));
}

function stagePart(task) {
  const lines = (task.stages ?? []).flatMap((stage, number) => stage.slices.map((slice) => [
    String(number + 1), `${stage.layers[0]} .. ${stage.layers.at(-1)}`, stage.home, slice.node,
    slice.rows.join(" to "), slice.columns.join(" to "),
  ]));
  const heads = ["stage", "layers", "home", "slice on", "rows", "columns"];
  return lines.length ? [tableOf("Slices", heads, lines)] : [];
}

function replicaPart(task) {
  const lines = (task.replicas ?? []).map((replica) =>
    [replica.node, replica.layers.join(" to "), missing(replica.flow) ? "-" : digits(replica.flow, 4)]);
  return lines.length ? [tableOf("Replicas", ["node", "layers", "executions per s"], lines)] : [];
}

// Bars to one scale: parts of [figure, class or colour].
function bar(parts, most) {
  const width = 160;
  let x = 0;
  const rects = parts.map(([figure, look]) => {
    const wide = most > 0 ? (width * (figure ?? 0)) / most : 0;
    x += wide;
    const fill = look.startsWith("#") ? { fill: look } : { class: look };
    return draw("rect", { x: x - wide, y: 1, width: wide, height: 12, ...fill });
  });
  const look = { class: "bar", viewBox: `0 0 ${width} 14`, preserveAspectRatio: "none" };
  return draw("svg", { ...look, "aria-hidden": "true" }, ...rects);
}

function termPart(plan) {
  const tasks = plan.tasks.filter((task) => !missing(task.latency_s));
  if (!tasks.length) return [];
  const terms = ["compute", "transfer", "wait"];
  const most = Math.max(...tasks.map((task) => task.latency_s));
  const lines = tasks.map((task) => {
    const parts = terms.map((term) => [task[`${term}_s`], term]);
    const met = { true: "met", false: "missed" }[task.deadline_met] ?? "-";
    return [task.task, bar(parts, most), inSeconds(task.latency_s),
      ...parts.map(([figure]) => inSeconds(figure)), met];
  });
  const heads = ["task", "", "latency", ...terms.map(termHead), "deadline"];
  return [tableOf("Terms of the cost", heads, lines)];
}

function termHead(term) {
  return make("span", {}, swatch({ class: term }), term);
}

function loadPart(plan, instance) {
  const nodes = Object.entries(plan.nodes ?? {});
  const links = plan.links ?? [];
  const most = Math.max(0, ...nodes.map(([, load]) => load.busy_s ?? 0));
  const used = (load) => (missing(load.utilisation) ? "-" : `${digits(100 * load.utilisation, 3)} %`);
  const nodeLines = nodes.map(([name, load]) => [name,
    bar([[load.busy_s, instance?.colourOf[name]?.[0] ?? "link"]], most), inSeconds(load.busy_s),
    used(load), inBytes(load.memory_bytes)]);
  const longest = Math.max(0, ...links.map((link) => link.busy_s));
  const linkLines = links.map((link) => [way(link.from, link.to),
    bar([[link.busy_s, "link"]], longest), inSeconds(link.busy_s), inBytes(link.bytes)]);
  return [
    ...(nodes.length ? [tableOf("Loads of nodes, for one inference of every task",
      ["node", "", "busy", "utilisation", "memory"], nodeLines)] : []),
    ...(links.length ? [tableOf("Loads of links", ["link", "", "busy", "bytes"], linkLines)] : []),
  ];
}

function timelinePart(plan, instance, data) {
  if (!instance || plan.tasks.length !== 1) return [];
  const spans = spansOf(plan, instance, networkOf(plan.tasks[0], instance, data));
  if (!spans?.length) return [];
  const how = plan.objective.name === "latency" ? ": one after another, as latency counts" : "";
  return [make("h3", {}, `Timeline${how}`),
    scrolled("Timeline", drawTimeline(spans, instance.colourOf))];
}

// Of the chosen task: drawing, slices and replicas.
function taskPart(plan, instance, data) {
  const place = make("div", {});
  const show = (number) => {
    const task = plan.tasks[number];
    place.replaceChildren(...(instance ? dagPart(task, instance, data) : []), ...stagePart(task),
      ...replicaPart(task));
  };
  if (plan.tasks.length === 0) return [];
  show(0);
  if (plan.tasks.length === 1) return [place];
  const choice = make("select", {}, ...plan.tasks.map((task, number) =>
    make("option", { value: number }, task.task)));
  choice.addEventListener("change", () => show(Number(choice.value)));
  return [make("label", {}, "task ", choice), place];
}

function planParts(plan, instance, data) {
  return [
    ...termPart(plan), ...loadPart(plan, instance), ...timelinePart(plan, instance, data),
    make("h3", {}, "Where layers run"), ...taskPart(plan, instance, data),
  ];
}

// The instance of a row, read once, with its nodes' colours by name.
function instanceOf(data, row) {
  const kept = data.instances[row.instance_sha256];
  if (kept && !kept.colourOf) {
    const file = JSON.parse(kept.file);
    const colourOf = Object.fromEntries(file.nodes.map((node, place) =>
      [node.name, kept.colours[place]]));
    Object.assign(kept, { models: file.models, tasks: file.tasks, colourOf });
  }
  return kept ?? null;
}

function saveButton(label, name, content) {
  const button = make("button", { type: "button" }, label);
  button.addEventListener("click", () => {
    const url = URL.createObjectURL(new Blob([content()], { type: "application/json" }));
    make("a", { href: url, download: name.replace(/[^\w.=-]+/g, "_") }).click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000); // some browsers read it later
  });
  return button;
}

// The files of a row; the plan is for the instance as it is saved here.
function saveButtons(row, plan, instance) {
  const buttons = [];
  if (plan) {
    const own = instance ? { ...plan, instance_sha256: instance.sha256 } : plan;
    buttons.push(saveButton("Save the plan", `${row.instance}-${row.solver}-${row.seed}.plan.json`,
      () => `${JSON.stringify(own, null, 1)}\n`));
  }
  if (instance) {
    buttons.push(saveButton("Save the instance", `${row.instance}.json`, () => instance.file));
  }
  return buttons;
}
