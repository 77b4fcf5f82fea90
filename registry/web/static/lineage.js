// The lineage graph: pan, zoom, walk by keys, a drawer for each node, and more of what is left out where a reader asks.
// Needs `cytoscape` (vendored, a classic script); everything it shows is in the outline and the table beside it too.

import * as drawer from "./lineage/drawer.js";
import { Family, keyOf, restId } from "./lineage/family.js";
import { place } from "./lineage/layout.js";
import { look } from "./lineage/look.js";
import { minimap } from "./lineage/minimap.js";
import { png, save, svg } from "./lineage/picture.js";
import { walk } from "./lineage/walk.js";
import { spoken, target } from "./lineage/words.js";

const box = document.querySelector(".graph");
const live = document.querySelector("[data-live]");
const bar = document.querySelector("[data-graph-tools]");

function arrange(graph, animate, near) {
  const nodes = graph.nodes().map((node) => ({ id: node.id() }));
  const edges = graph.edges().map((edge) => ({ id: edge.id(), source: edge.data("source"), target: edge.data("target") }));
  const { places, bends, wide, zoom } = best(nodes, edges);
  graph.startBatch();
  graph.edges().forEach((edge) => bend(edge, places, bends.get(edge.id()) ?? []));
  graph.nodes().toggleClass("tall", !wide);
  graph.endBatch();
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches || nodes.length > 300;
  const readable = zoom > 0.4; // where the whole would be too small to read, the picture stays near what was asked for
  graph.layout({ name: "preset", positions: (node) => places.get(node.id()), animate: animate && !still && readable, animationDuration: 250, fit: readable, padding: 36 }).run();
  if (!readable) graph.zoom(0.75).center(near?.nonempty() ? near : graph.nodes("[focus = 1]"));
  else if (graph.zoom() > 1.25) graph.zoom({ level: 1.25, renderedPosition: { x: box.clientWidth / 2, y: box.clientHeight / 2 } });
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

// The address holds which node is open and what was expanded, so that a link shows another reader the same.
function remember(family, open) {
  const state = new URLSearchParams();
  for (const [key, pages] of family.shown) {
    const [id, towards, group] = key.split(" ");
    state.append("more", [target(family.graph.getElementById(id).data("node")), towards, group, pages].join("|"));
  }
  if (open) state.set("node", target(open.data("node")));
  const words = state.toString();
  history.replaceState(null, "", words ? `#${words}` : location.pathname + location.search);
}

async function restore(family, state) {
  const named = (name) => family.nodes().filter((one) => target(one.data("node")) === name);
  for (const one of state.getAll("more")) {
    const [name, towards, group, pages] = one.split("|");
    for (let i = 0; i < Math.min(Number(pages) || 0, 40); i += 1) {
      const node = named(name);
      const rest = node.nonempty() && family.rests.get(keyOf({ node: node.id(), towards, group }));
      if (rest) await family.more(rest);
    }
  }
  return state.get("node") ? named(state.get("node")) : family.graph.collection();
}

async function start() {
  const state = new URLSearchParams(location.hash.slice(1));
  bar.hidden = false; // before the graph is there: it remembers where it stands
  const graph = cytoscape({ container: box, style: look(), layout: { name: "null" }, minZoom: 0.02, maxZoom: 3 });
  const family = new Family(graph, box.dataset.at);
  const { target: name, up, down, each, limit, group, after } = box.dataset;
  await family.load(Object.fromEntries(Object.entries({ target: name, up, down, each, limit, group, after, ...JSON.parse(box.dataset.only) }).filter(([, value]) => value)));
  const wanted = await restore(family, state);
  box.querySelector("[data-plain]").remove();
  const measure = minimap(graph, document.querySelector("[data-map]"));
  graph.on("layoutstop", () => {
    measure();
    box.dataset.ready = family.nodes().length;
  });
  arrange(graph, false);

  async function more(rest) {
    const from = graph.getElementById(String(rest.node));
    try {
      const fresh = await family.more(rest);
      const left = graph.getElementById(restId(rest));
      const here = left.nonempty() ? left : from;
      arrange(graph, true, here);
      if (drawer.close()) open(from);
      else {
        remember(family);
        go(here);
      }
      live.textContent = fresh ? `${fresh} more nodes are shown.` : "Nothing more to show.";
    } catch (error) {
      drawer.complain(error.message);
    }
  }
  function open(element) {
    go(element);
    drawer.show(family, element, more);
    remember(family, element);
  }
  const tap = (element) => (element.data("rest") ? more(family.rests.get(element.data("rest"))) : open(element));
  const leave = () => drawer.close() && (remember(family), true);
  const go = walk(graph, box, live, { open, more: tap, leave });

  graph.on("tap", "node", (event) => tap(event.target));
  graph.on("tap", (event) => { if (event.target === graph) leave(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { graph.style(look()); measure(); });
  tools(graph, name);
  if (wanted.nonempty()) {
    open(wanted[0]);
    live.textContent = spoken(wanted[0]);
  }
}

function tools(graph, name) {
  const file = name.replaceAll(/[^\w.-]+/g, "-");
  const acts = {
    fit: () => graph.fit(undefined, 36),
    in: () => graph.zoom({ level: graph.zoom() * 1.25, renderedPosition: { x: box.clientWidth / 2, y: box.clientHeight / 2 } }),
    out: () => graph.zoom({ level: graph.zoom() * 0.8, renderedPosition: { x: box.clientWidth / 2, y: box.clientHeight / 2 } }),
    png: () => save(png(graph), `${file}.png`),
    svg: () => save(svg(graph), `${file}.svg`),
  };
  bar.addEventListener("click", (event) => acts[event.target.dataset.do]?.());
}

start().catch((error) => {
  box.replaceChildren(drawer.made("p", `The graph cannot be shown: ${error.message}`, { className: "error" }));
});
