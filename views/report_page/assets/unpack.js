"use strict";
// The data inside the page: base64 of gzip of JSON in scripts that are not run.

async function unpacked(id) {
  const letters = atob(document.getElementById(id).textContent.trim());
  const bytes = Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).json();
}

// A column of figures stands as it is, one of texts as { of: distinct, at: places }.
function columnOf(packed) {
  return Array.isArray(packed) ? packed : packed.at.map((place) => packed.of[place]);
}

// Rows from columns, each with its number.
function rowsOf(columns) {
  const names = Object.keys(columns);
  const values = names.map((name) => columnOf(columns[name]));
  return Array.from({ length: values[0].length }, (_, number) => {
    const row = { number };
    names.forEach((name, place) => { row[name] = values[place][number]; });
    return row;
  });
}

// What shapes.py has taken the names from: [shape, ...values], [-1, ...entries], or the value.
function named(shapes, value) {
  if (!Array.isArray(value)) return value;
  const [shape, ...values] = value;
  const inner = values.map((each) => named(shapes, each));
  if (shape === -1) return inner;
  return Object.fromEntries(shapes[shape].map((name, place) => [name, inner[place]]));
}

// A row's plan, as its file says it; [] stands for what the row says too.
function planOf(data, row) {
  const packed = data.plans[row.number];
  if (packed === null) return null;
  const [shape, ...values] = packed;
  const entries = data.shapes[shape].map((name, place) => {
    const value = values[place];
    const isInRow = Array.isArray(value) && value.length === 0;
    return [name, isInRow ? row[name] : named(data.shapes, value)];
  });
  return Object.fromEntries(entries);
}
