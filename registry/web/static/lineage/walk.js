// Walking the graph with the keyboard: arrows go to a parent, a child or a neighbour in the same row, Enter opens.

import { address, spoken } from "./words.js";

// `acts` holds `open(element)` for a node's drawer, `more(element)` for a count, and `leave()`, which says whether
// something was closed.
export function walk(graph, box, live, acts) {
  let here = null;

  function go(element) {
    graph.$(".here").removeClass("here");
    here = element.addClass("here");
    live.textContent = spoken(element);
    const at = element.renderedPosition();
    const inside = at.x > 40 && at.y > 40 && at.x < box.clientWidth - 40 && at.y < box.clientHeight - 40;
    if (!inside) graph.center(element);
  }

  const wide = () => !graph.nodes().hasClass("tall");
  const nearest = (elements, from) =>
    elements.toArray().toSorted((one, other) => apart(one, from) - apart(other, from))[0];
  const apart = (one, from) => Math.hypot(one.position("x") - from.position("x"), one.position("y") - from.position("y"));

  function beside(from, sign) {
    const [along, across] = wide() ? ["x", "y"] : ["y", "x"];
    const row = graph.nodes().filter((one) => Math.abs(one.position(along) - from.position(along)) < 20 && sign * (one.position(across) - from.position(across)) > 1);
    return nearest(row, from);
  }

  function next(key) {
    const [before, after, less, more] = wide() ? ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"] : ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"];
    if (key === before) return nearest(here.incomers("node"), here);
    if (key === after) return nearest(here.outgoers("node"), here);
    if (key === less) return beside(here, -1);
    if (key === more) return beside(here, 1);
    if (key === "Home") return graph.nodes("[focus = 1]")[0];
    return null;
  }

  box.addEventListener("focus", () => {
    if (!here || here.removed()) go(graph.nodes("[focus = 1]")[0] ?? graph.nodes()[0]);
  });
  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !here || event.target !== box) return;
    if (here.removed()) here = graph.nodes("[focus = 1]")[0] ?? graph.nodes()[0];
    if (event.key === "Escape") {
      if (acts.leave()) event.preventDefault();
      return;
    }
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      if (here.data("rest")) acts.more(here);
      else if (event.key === "Enter") location.assign(address(here.data("node")));
      else acts.open(here);
      return;
    }
    const found = next(event.key);
    if (event.key.startsWith("Arrow") || found) event.preventDefault();
    if (found) go(found);
    else if (event.key.startsWith("Arrow")) live.textContent = "Nothing there.";
  });
  return go;
}
