// The graph as a file: PNG as it is drawn, SVG drawn anew from the same places.

import { CROSS, HATCH, palette } from "./look.js";

export function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function png(graph) {
  const box = graph.elements().boundingBox();
  const scale = Math.min(2, 8000 / Math.max(box.w, box.h)); // browsers refuse larger canvases
  return graph.png({ output: "blob", full: true, scale, bg: palette()("sheet") });
}

const escape = (text) => String(text).replace(/[&<>"]/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[sign]);

export function svg(graph) {
  const box = graph.elements().boundingBox();
  const [x, y, w, h] = [box.x1 - 20, box.y1 - 20, box.w + 40, box.h + 40].map(Math.round);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${x} ${y} ${w} ${h}" width="${w}" height="${h}" font-family="system-ui, sans-serif">`,
    `<style>text { stroke: ${palette()("sheet")}; stroke-width: 3px; paint-order: stroke; }</style>`,
    `<defs><marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerUnits="userSpaceOnUse" markerWidth="10" markerHeight="10" orient="auto"><path d="M0 0L10 5L0 10z" fill="context-stroke"/></marker></defs>`,
    `<rect x="${x}" y="${y}" width="${w}" height="${h}" fill="${palette()("sheet")}"/>`,
  ];
  graph.edges().forEach((edge) => parts.push(line(edge)));
  graph.nodes().forEach((node) => parts.push(shape(node), ...label(node)));
  return new Blob([[...parts, "</svg>"].join("\n")], { type: "image/svg+xml" });
}

function line(edge) {
  const points = [edge.sourceEndpoint(), ...(edge.hasClass("bent") ? edge.segmentPoints() ?? [] : []), edge.targetEndpoint()];
  const way = points.map((at, i) => `${i ? "L" : "M"}${at.x.toFixed(1)} ${at.y.toFixed(1)}`).join("");
  const dash = { dashed: "6 4", dotted: "2 4" }[edge.style("line-style")];
  const end = edge.data("rest") ? "" : ' marker-end="url(#arrow)"';
  const drawn = `<path d="${way}" fill="none" stroke="${edge.style("line-color")}" stroke-width="${parseFloat(edge.style("width"))}"${dash ? ` stroke-dasharray="${dash}"` : ""}${end}/>`;
  if (!edge.data("role")) return drawn;
  const at = points.length > 2 ? points[Math.floor(points.length / 2)] : edge.midpoint();
  return `${drawn}<text x="${at.x.toFixed(1)}" y="${at.y.toFixed(1)}" font-size="10" text-anchor="middle" fill="${edge.style("color")}">${escape(edge.data("role"))}</text>`;
}

function shape(node) {
  const { x, y } = node.position();
  const [w, h] = [node.width(), node.height()];
  const dash = { dashed: ' stroke-dasharray="5 3"' }[node.style("border-style")] ?? "";
  const look = `fill="${node.style("background-color")}" stroke="${node.style("border-color")}" stroke-width="${parseFloat(node.style("border-width"))}"${dash}`;
  const named = `<title>${escape(node.data("node")?.label ?? node.data("title"))}</title>`;
  const outline = {
    ellipse: `<ellipse cx="${x}" cy="${y}" rx="${w / 2}" ry="${h / 2}" ${look}>${named}</ellipse>`,
    diamond: `<path d="M${x} ${y - h / 2}L${x + w / 2} ${y}L${x} ${y + h / 2}L${x - w / 2} ${y}z" ${look}>${named}</path>`,
  }[node.style("shape")] ?? `<rect x="${x - w / 2}" y="${y - h / 2}" width="${w}" height="${h}" rx="6" ${look}>${named}</rect>`;
  const pattern = { recalled: CROSS, tainted: HATCH }[node.data("mark")];
  if (!pattern) return outline;
  return `${outline}<svg x="${x - w / 2 + 4}" y="${y - h / 2 + 4}" width="${w - 8}" height="${h - 8}" viewBox="0 0 20 20"><path d="${pattern}" fill="none" stroke="${node.style("border-color")}" stroke-width="2.4"/></svg>`;
}

function label(node) {
  const { x, y } = node.position();
  const tall = node.hasClass("tall");
  const lines = node.data("title").split("\n");
  return lines.map((text, i) => {
    const at = tall ? { x: x + node.width() / 2 + 7, y: y + 4 + (i - (lines.length - 1) / 2) * 14 } : { x, y: y + node.height() / 2 + 15 + i * 14 };
    return `<text x="${at.x.toFixed(1)}" y="${at.y.toFixed(1)}" font-size="12"${tall ? "" : ' text-anchor="middle"'} fill="${node.style("color")}">${escape(text)}</text>`;
  });
}
