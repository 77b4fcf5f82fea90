// The lineage graph: pan, zoom, click for a drawer, load the neighbours of any node from the API.
// Needs `cytoscape` (vendored, a classic script); everything it shows is in the outline beside it too.

import { place, STEP } from "./layout.js";

const box = document.querySelector(".graph");
const drawer = document.querySelector("[data-drawer]");

async function ask(target, up, down) {
  const query = new URLSearchParams({ target, up, down, limit: 400 });
  const answer = await fetch(`/api/v1/lineage?${query}`, { headers: { Accept: "application/json" } });
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.detail);
  return found;
}

const STRENGTH = ["contradicted", "declared", "observed", "verified"];
const words = (text) => String(text).replaceAll("_", " ");

function title(node) {
  if (node.kind === STEP) return words(node.facts.method ?? "step");
  return node.label.split("/").slice(1).join("/");
}

function elements(found) {
  const nodes = found.nodes.map((node) => ({
    group: "nodes",
    data: { id: String(node.id), title: title(node), kind: node.kind, node, focus: node.id === found.focus ? 1 : 0 },
  }));
  return { nodes, edges: joined(found.edges) };
}

// One line between two nodes: a dataset that goes into a step for training and for testing is `train, test`, and the
// line looks like the weakest of its assurances.
function joined(edges) {
  const between = new Map();
  for (const edge of edges) {
    const id = `${edge.source}-${edge.target}`;
    const made = edge.role === "output";
    const known = between.get(id) ?? { id, source: String(edge.source), target: String(edge.target), role: "", assurance: made ? "output" : "verified" };
    if (!made && !known.role.split(", ").includes(edge.role)) known.role = known.role ? `${known.role}, ${edge.role}` : edge.role;
    if (!made && STRENGTH.indexOf(edge.assurance) < STRENGTH.indexOf(known.assurance)) known.assurance = edge.assurance;
    between.set(id, known);
  }
  return [...between.values()].map((data) => ({ group: "edges", data }));
}

function look() {
  const css = getComputedStyle(document.documentElement);
  const colour = (name) => css.getPropertyValue(name).trim();
  const kinds = { model_version: "--node-model", dataset_version: "--node-dataset", transfer_step: "--node-step" };
  const shapes = { model_version: "round-rectangle", dataset_version: "ellipse", transfer_step: "diamond" };
  return [
    {
      selector: "node",
      style: {
        label: "data(title)", color: colour("--ink"), "font-size": 12, "font-family": "system-ui, sans-serif",
        "text-valign": "bottom", "text-margin-y": 5, "text-wrap": "ellipsis", "text-max-width": 150, width: 30, height: 30,
        "border-width": 2, "background-color": colour("--sheet"), "text-outline-width": 3,
        "text-outline-color": colour("--sheet"), "overlay-color": colour("--leaf"), "min-zoomed-font-size": 6,
      },
    },
    ...Object.keys(kinds).map((kind) => ({
      selector: `node[kind = "${kind}"]`,
      style: { shape: shapes[kind], "border-color": colour(kinds[kind]), ...(kind === STEP ? { width: 22, height: 22 } : {}) },
    })),
    { selector: "node[focus = 1]", style: { "background-color": colour("--node-model"), "font-weight": 700, width: 36, height: 36 } },
    { selector: "node.down", style: { "text-valign": "center", "text-halign": "right", "text-margin-y": 0, "text-margin-x": 7 } },
    { selector: "node:selected", style: { "border-width": 4 } },
    {
      selector: "edge",
      style: {
        width: 1.6, "line-color": colour("--edge"), "target-arrow-color": colour("--edge"), "target-arrow-shape": "triangle",
        "arrow-scale": 0.8, "curve-style": "bezier", label: "data(role)", color: colour("--soft"), "font-size": 10,
        "font-family": "system-ui, sans-serif", "text-outline-width": 2.5, "text-outline-color": colour("--sheet"),
        "min-zoomed-font-size": 6,
      },
    },
    {
      selector: "edge.bent",
      style: {
        "curve-style": "round-segments", "segment-weights": "data(weights)", "segment-distances": "data(distances)",
        "segment-radii": 24, "edge-distances": "node-position",
      },
    },
    { selector: 'edge[assurance = "declared"]', style: { "line-style": "dashed" } },
    { selector: 'edge[assurance = "contradicted"]', style: { "line-style": "dotted", width: 3.2, "line-color": colour("--bad"), "target-arrow-color": colour("--bad"), "target-arrow-shape": "tee" } },
    { selector: 'edge[assurance = "verified"]', style: { width: 3.2, "line-color": colour("--good"), "target-arrow-color": colour("--good") } },
  ];
}

function arrange(graph, animate) {
  const nodes = graph.nodes().map((node) => ({ id: node.id() }));
  const edges = graph.edges().map((edge) => ({ id: edge.id(), source: edge.data("source"), target: edge.data("target") }));
  const { places, bends, wide } = best(nodes, edges);
  graph.edges().forEach((edge) => bend(edge, places, bends.get(edge.id()) ?? []));
  graph.nodes().toggleClass("down", !wide);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  graph.layout({ name: "preset", positions: (node) => places.get(node.id()), animate: animate && !still, animationDuration: 250, fit: true, padding: 36 }).run();
  if (graph.zoom() > 1.25) graph.zoom({ level: 1.25, renderedPosition: { x: box.clientWidth / 2, y: box.clientHeight / 2 } });
}

// Left to right or top to bottom: whichever lets the reader come nearer.
function best(nodes, edges) {
  const ways = [true, false].map((wide) => {
    const { places, bends } = place(nodes, edges, wide);
    const reach = (axis) => Math.max(...[...places.values()].map((at) => at[axis])) - Math.min(...[...places.values()].map((at) => at[axis]));
    const margin = wide ? [120, 90] : [230, 70];
    return { places, bends, wide, zoom: Math.min(box.clientWidth / (reach("x") + margin[0]), box.clientHeight / (reach("y") + margin[1])) };
  });
  return ways[0].zoom >= ways[1].zoom ? ways[0] : ways[1];
}

// A long edge goes along its lane: each bend as a share of the straight way, and how far beside it.
function bend(edge, places, points) {
  const from = places.get(edge.data("source"));
  const to = places.get(edge.data("target"));
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const weights = points.map((at) => ((at.x - from.x) * dx + (at.y - from.y) * dy) / length ** 2);
  const distances = points.map((at) => ((at.y - from.y) * dx - (at.x - from.x) * dy) / length);
  const bent = distances.some((distance) => Math.abs(distance) > 4);
  edge.data({ weights: weights.join(" "), distances: distances.join(" ") }).toggleClass("bent", bent);
}

function add(graph, found) {
  const { nodes, edges } = elements({ ...found, focus: null });
  const fresh = nodes.filter((one) => graph.getElementById(one.data.id).empty());
  graph.add(fresh);
  graph.add(edges.filter((one) => graph.getElementById(one.data.id).empty() && [one.data.source, one.data.target].every((id) => graph.getElementById(id).nonempty())));
  if (fresh.length) arrange(graph, true);
  box.dataset.ready = graph.nodes().length;
  return fresh.length;
}

function line(list, word, fact) {
  if (fact === undefined || fact === null || fact === "") return;
  list.append(made("dt", words(word)), made("dd", words(fact)));
}

function made(tag, text, properties = {}) {
  return Object.assign(document.createElement(tag), { textContent: text, ...properties });
}

const rooms = { model_version: "models", dataset_version: "datasets", transfer_step: "steps" };
const target = (node) => (node.kind === STEP ? node.label : `${rooms[node.kind]}:/${node.label}`);

function show(graph, element) {
  const node = element.data("node");
  const facts = made("dl", "", { className: "facts" });
  line(facts, "kind", node.kind);
  for (const [word, fact] of Object.entries(node.facts)) line(facts, word === "created_at" ? "made" : word, word === "created_at" ? fact.slice(0, 10) : fact);
  line(facts, "digest", node.digest?.slice(0, 19));
  for (const edge of element.incomers("edge").toArray()) {
    if (edge.data("role")) line(facts, edge.data("role"), `${edge.source().data("node").label} (${edge.data("assurance")})`);
  }
  const actions = made("div", "", { className: "actions" });
  actions.append(made("a", "Open", { className: "button small", href: `/${rooms[node.kind]}/${node.label}` }));
  for (const [word, up, down] of [["Expand parents", 1, 0], ["Expand children", 0, 1]]) {
    const button = made("button", word, { className: "small", type: "button" });
    button.addEventListener("click", () => expand(graph, element, up, down, button));
    actions.append(button);
  }
  const close = made("button", "×", { className: "close", type: "button", ariaLabel: "Close" });
  close.addEventListener("click", () => (drawer.hidden = true));
  drawer.replaceChildren(close, made("h3", node.kind === STEP ? title(node) : node.label), facts, actions);
  drawer.hidden = false;
}

async function expand(graph, element, up, down, button) {
  try {
    const count = add(graph, await ask(target(element.data("node")), up, down));
    if (button && !count) Object.assign(button, { disabled: true, textContent: "Nothing more" });
  } catch (error) {
    drawer.append(made("p", error.message, { className: "error" }));
  }
}

async function start() {
  const found = await ask(box.dataset.target, box.dataset.up, box.dataset.down);
  box.querySelector("[data-plain]").remove();
  const graph = cytoscape({ container: box, elements: elements(found), style: look(), layout: { name: "null" }, minZoom: 0.15, maxZoom: 3 });
  arrange(graph, false);
  graph.on("tap", "node", (event) => show(graph, event.target));
  graph.on("dbltap", "node", (event) => expand(graph, event.target, 1, 1));
  graph.on("tap", (event) => { if (event.target === graph) drawer.hidden = true; });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => graph.style(look()));
  const tools = document.querySelector("[data-graph-tools]");
  tools.hidden = false;
  tools.addEventListener("click", (event) => {
    const wish = event.target.dataset.do;
    if (wish === "fit") graph.fit(undefined, 36);
    else if (wish) graph.zoom({ level: graph.zoom() * (wish === "in" ? 1.25 : 0.8), renderedPosition: { x: box.clientWidth / 2, y: box.clientHeight / 2 } });
  });
  box.dataset.ready = graph.nodes().length;
}

start().catch((error) => box.replaceChildren(made("p", `The graph cannot be shown: ${error.message}`, { className: "error" })));
