// How nodes and edges look. What is recalled or tainted differs by pattern, border and word, not by colour alone.

import { STEP } from "./words.js";

const picture = (colour, path) =>
  `data:image/svg+xml;utf8,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20" width="20" height="20"><path d="${path}" stroke="${colour}" stroke-width="2.4" fill="none"/></svg>`)}`;
export const CROSS = "M3 3L17 17M17 3L3 17";
export const HATCH = "M-2 8L8 -2M-2 15L15 -2M-2 22L22 -2M5 22L22 5M12 22L22 12";
export const SHAPES = { model_version: "round-rectangle", dataset_version: "ellipse", transfer_step: "diamond" };

export function palette() {
  const css = getComputedStyle(document.documentElement);
  return (name) => css.getPropertyValue(`--${name}`).trim();
}

export function look() {
  const colour = palette();
  const kinds = { model_version: "node-model", dataset_version: "node-dataset", transfer_step: "node-step" };
  const type = { "font-family": "system-ui, sans-serif", "min-zoomed-font-size": 6 };
  const marked = (path, name) => ({
    "background-image": picture(colour(name), path), "background-fit": "cover", "border-color": colour(name), "border-width": 3,
  });
  return [
    {
      selector: "node",
      style: {
        ...type, label: "data(title)", color: colour("ink"), "font-size": 12, "text-valign": "bottom", "text-margin-y": 5,
        "text-wrap": "wrap", "text-max-width": 150, width: 30, height: 30, "border-width": 2, "background-color": colour("sheet"),
        "text-outline-width": 3, "text-outline-color": colour("sheet"), "overlay-color": colour("leaf"),
      },
    },
    ...Object.keys(kinds).map((kind) => ({
      selector: `node[kind = "${kind}"]`,
      style: { shape: SHAPES[kind], "border-color": colour(kinds[kind]), ...(kind === STEP ? { width: 22, height: 22 } : {}) },
    })),
    { selector: "node[rest]", style: { shape: "round-rectangle", width: 34, height: 20, "border-style": "dashed", "border-color": colour("soft"), "background-color": colour("sunk"), color: colour("ink"), "font-weight": 600 } },
    { selector: "node[focus = 1]", style: { "background-color": colour("node-model"), "font-weight": 700, width: 36, height: 36 } },
    { selector: 'node[mark = "recalled"]', style: { ...marked(CROSS, "bad"), "background-color": colour("bad-wash"), "border-style": "double", "border-width": 5 } },
    { selector: 'node[mark = "tainted"]', style: { ...marked(HATCH, "warn"), "background-color": colour("warn-wash"), "border-style": "dashed" } },
    { selector: "node.aside", style: { opacity: 0.55, "font-size": 10.5 } },
    { selector: "node.tall", style: { "text-valign": "center", "text-halign": "right", "text-margin-y": 0, "text-margin-x": 7 } },
    { selector: "node.here", style: { "outline-width": 3, "outline-offset": 3, "outline-color": colour("leaf"), "outline-opacity": 1 } },
    {
      selector: "edge",
      style: {
        ...type, width: 1.6, "line-color": colour("edge"), "target-arrow-color": colour("edge"), "target-arrow-shape": "triangle",
        "arrow-scale": 0.8, "curve-style": "bezier", label: "data(role)", color: colour("soft"), "font-size": 10,
        "text-outline-width": 2.5, "text-outline-color": colour("sheet"),
      },
    },
    {
      selector: "edge.bent",
      style: {
        "curve-style": "round-segments", "segment-weights": "data(weights)", "segment-distances": "data(distances)",
        "segment-radii": 24, "edge-distances": "node-position",
      },
    },
    { selector: "edge[rest]", style: { "line-style": "dotted", "target-arrow-shape": "none" } },
    { selector: 'edge[assurance = "declared"]', style: { "line-style": "dashed" } },
    { selector: 'edge[assurance = "contradicted"]', style: { "line-style": "dotted", width: 3.2, "line-color": colour("bad"), "target-arrow-color": colour("bad"), "target-arrow-shape": "tee", color: colour("bad") } },
    { selector: 'edge[assurance = "verified"]', style: { width: 3.2, "line-color": colour("good"), "target-arrow-color": colour("good") } },
  ];
}
