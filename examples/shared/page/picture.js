/**
 * Pictures of figures, as SVG.
 *
 * Purpose: bars or a line for labels and values. It knows nothing of messages.
 */

const WIDTH = 560;
const ROW = 26;
const LABEL_WIDTH = 110;
const VALUE_WIDTH = 90;
const LINE_HEIGHT = 150;
const MARGIN = 24;

/** @typedef {{ chart: string, labels: string[], values: number[] }} Series */

/**
 * @param {string} title
 * @param {Series} series
 */
export function picture(title, series) {
  const figure = document.createElement("figure");
  figure.style.margin = "0";
  const caption = document.createElement("figcaption");
  caption.textContent = title;
  figure.append(caption, series.chart === "line" ? line(series) : bars(series));
  return figure;
}

/** @param {Series} series */
function bars({ labels, values }) {
  const most = Math.max(...values.map(Math.abs), 1e-9);
  const drawn = labels.flatMap((label, at) => {
    const value = values[at] ?? 0;
    const width = ((WIDTH - LABEL_WIDTH - VALUE_WIDTH) * Math.abs(value)) / most;
    const top = at * ROW;
    return [
      text(label, 0, top + 17),
      shape("rect", { x: LABEL_WIDTH, y: top + 4, width, height: ROW - 8, rx: 4, fill: "var(--accent)" }),
      text(value.toLocaleString("en"), LABEL_WIDTH + width + 8, top + 17),
    ];
  });
  return drawing(labels.length * ROW, drawn);
}

/** @param {Series} series */
function line({ labels, values }) {
  const [low, high] = [Math.min(...values, 0), Math.max(...values, 1e-9)];
  const step = (WIDTH - 2 * MARGIN) / Math.max(labels.length - 1, 1);
  const points = values.map((value, at) => {
    const y = MARGIN + ((LINE_HEIGHT - 2 * MARGIN) * (high - value)) / (high - low);
    return `${MARGIN + at * step},${y}`;
  });
  const first = text(labels[0] ?? "", MARGIN, LINE_HEIGHT - 4);
  const last = text(labels.at(-1) ?? "", WIDTH - MARGIN, LINE_HEIGHT - 4, "end");
  const curve = { points: points.join(" "), fill: "none", stroke: "var(--accent)", "stroke-width": 2.5 };
  return drawing(LINE_HEIGHT, [shape("polyline", curve), first, last]);
}

/**
 * @param {number} height
 * @param {Element[]} shapes
 */
function drawing(height, shapes) {
  const svg = shape("svg", { viewBox: `0 0 ${WIDTH} ${height}`, width: "100%", role: "img" });
  svg.append(...shapes);
  return svg;
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function shape(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/**
 * @param {string} words
 * @param {number} x
 * @param {number} y
 */
function text(words, x, y, anchor = "start") {
  const element = shape("text", { x, y, fill: "currentColor", "font-size": 13, "text-anchor": anchor });
  element.textContent = words;
  return element;
}
