// A small map of the whole graph, with the part that is in view; click or drag to move there.

import { palette } from "./look.js";

const LEAST = 25; // fewer nodes need no map
const MARGIN = 6;

export function minimap(graph, canvas) {
  const pen = canvas.getContext("2d");
  const sharp = Math.min(devicePixelRatio || 1, 2);
  const [width, height] = [150, 96];
  Object.assign(canvas, { width: width * sharp, height: height * sharp });
  let waiting = false;
  let scale = 1;
  let whole = graph.elements().boundingBox();
  let dots = [];

  function measure() {
    whole = graph.nodes().boundingBox({ includeLabels: false });
    scale = Math.min((width - 2 * MARGIN) / (whole.w || 1), (height - 2 * MARGIN) / (whole.h || 1));
    dots = graph.nodes().map((node) => ({ ...node.position(), mark: node.data("mark"), focus: node.data("focus") }));
    canvas.hidden = dots.length < LEAST;
    soon();
  }

  const x = (value) => MARGIN + (value - whole.x1) * scale;
  const y = (value) => MARGIN + (value - whole.y1) * scale;

  function draw() {
    waiting = false;
    if (canvas.hidden) return;
    const colour = palette();
    pen.setTransform(sharp, 0, 0, sharp, 0, 0);
    pen.clearRect(0, 0, width, height);
    for (const dot of dots) {
      pen.fillStyle = dot.mark === "recalled" ? colour("bad") : dot.mark ? colour("warn") : dot.focus ? colour("leaf") : colour("edge");
      const size = dot.focus || dot.mark ? 4 : 2;
      pen.fillRect(x(dot.x) - size / 2, y(dot.y) - size / 2, size, size);
    }
    const seen = graph.extent();
    pen.strokeStyle = colour("leaf");
    pen.lineWidth = 1.5;
    pen.strokeRect(x(seen.x1), y(seen.y1), seen.w * scale, seen.h * scale);
  }

  function soon() {
    if (!waiting) requestAnimationFrame(draw);
    waiting = true;
  }

  function move(event) {
    const box = canvas.getBoundingClientRect();
    const at = { x: (event.clientX - box.x - MARGIN) / scale + whole.x1, y: (event.clientY - box.y - MARGIN) / scale + whole.y1 };
    const zoom = graph.zoom();
    graph.pan({ x: graph.width() / 2 - at.x * zoom, y: graph.height() / 2 - at.y * zoom });
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    move(event);
  });
  canvas.addEventListener("pointermove", (event) => event.buttons && move(event));
  graph.on("viewport", soon);
  return measure;
}
