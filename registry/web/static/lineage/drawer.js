// The drawer: what a node is, in words, and what can be done with it. It stands on the side where the node is not.

import { address, facts, many, STEP, target, title } from "./words.js";

const drawer = document.querySelector("[data-drawer]");

export function made(tag, text, properties = {}) {
  return Object.assign(document.createElement(tag), { textContent: text, ...properties });
}

export function close() {
  if (drawer.hidden) return false;
  drawer.hidden = true;
  return true;
}

// `ask(rest)` shows more of what is left out beside the node.
export function show(family, element, ask) {
  const node = element.data("node");
  const list = made("dl", "", { className: "facts" });
  const line = (word, fact) => list.append(made("dt", word), made("dd", fact));
  for (const [word, fact] of facts(node)) if (fact) line(word, fact);
  for (const edge of element.incomers("edge[said]").toArray()) {
    if (edge.data("said")) line(edge.data("said").replace(/^./, (first) => first.toUpperCase()), `${edge.source().data("node").label} (${edge.data("assurance")})`);
  }
  const actions = made("div", "", { className: "actions" });
  actions.append(
    made("a", "Open", { className: "button small", href: address(node) }),
    made("a", "Its lineage", { className: "button small", href: `/lineage?target=${encodeURIComponent(target(node))}` }),
  );
  for (const rest of family.of(element.id())) {
    const where = rest.towards === "up" ? "before" : "after";
    const button = made("button", `Show ${where} it: ${many(rest, family.counted)}`, { className: "small", type: "button" });
    button.addEventListener("click", () => ask(rest));
    actions.append(button);
  }
  const shut = made("button", "×", { className: "close", type: "button", ariaLabel: "Close" });
  shut.addEventListener("click", close);
  drawer.replaceChildren(shut, made("h2", node.kind === STEP ? title(node) : node.label), list, actions);
  drawer.hidden = false;
  stand(element);
}

// Left or right of the middle, above or below it in a narrow window: wherever the node is not.
export function stand(element) {
  const box = element.cy().container();
  const at = element.renderedPosition();
  const narrow = box.clientWidth < 640;
  drawer.dataset.side = narrow ? (at.y < box.clientHeight / 2 ? "bottom" : "top") : at.x < box.clientWidth / 2 ? "right" : "left";
}

export function complain(message) {
  if (drawer.hidden) drawer.replaceChildren(); // what it said of another node
  drawer.append(made("p", message, { className: "error", role: "alert" }));
  drawer.hidden = false;
}
