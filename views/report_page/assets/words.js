"use strict";
// Figures for readers, and elements that hold nothing but text: names in files are never HTML.

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const missing = (value) => value === null || value === undefined;

const digits = (value, count) => String(Number(value.toPrecision(count)));

function percent(gap) {
  if (gap <= 1e-6) return "0 %"; // counts as proven
  return gap >= 5e-5 ? `${(100 * gap).toFixed(2)} %` : "< 0.01 %";
}

function scaled(value, unit, steps) {
  if (missing(value)) return "-";
  if (value === 0) return `0 ${unit}`;
  const rounded = Number(value.toPrecision(3));
  const [size, prefix] = steps.find(([step]) => Math.abs(rounded) >= step) ?? steps.at(-1);
  return `${digits(rounded / size, 3)} ${prefix}${unit}`;
}

const inSeconds = (value) => scaled(value, "s", [[1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"]]);

const inBytes = (value) =>
  scaled(value, "B", [[1e15, "P"], [1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"], [1, ""]]);

const counted = (count, what) => `${count} ${what}${count === 1 ? "" : "s"}`;

function tableOf(caption, headers, lines) {
  const head = make("tr", {}, ...headers.map((header) => make("th", { scope: "col" }, header)));
  const body = lines.map((cells) => make("tr", {}, ...cells.map((cell) => make("td", {}, cell))));
  const table = make("table", {}, make("caption", {}, caption), make("thead", {}, head),
    make("tbody", {}, ...body));
  return scrolled(caption, table);
}

// What is wider or taller than its place can be scrolled, by keys too.
function scrolled(label, content, kind = "") {
  return make("div", { class: `scroll ${kind}`, tabindex: "0", role: "region", "aria-label": label },
    content);
}
