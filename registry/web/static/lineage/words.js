// What the graph says, in words: names of nodes, facts, and what is not drawn.

export const STEP = "transfer_step";
export const MARKS = { recalled: "✕", tainted: "⚠" };
const KINDS = { model_version: "Model", dataset_version: "Dataset", transfer_step: "Step" };
const ROOMS = { model_version: "models", dataset_version: "datasets", transfer_step: "steps" };
const FACTS = { created_at: "Made", licence: "Licence", taint: "Withheld" };
const TAINTS = {
  tainted: "tainted: something that it was made from was taken back",
  "weakly-tainted": "weakly tainted: it learnt from answers of something that was taken back",
};

export const words = (text) => String(text).replaceAll("_", " ");
const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
export const kindOf = (node) => KINDS[node.kind];
export const address = (node) => `/${ROOMS[node.kind]}/${node.label}`;
export const target = (node) => (node.kind === STEP ? node.label : `${ROOMS[node.kind]}:/${node.label}`);

export function title(node) {
  if (node.kind === STEP) return words(node.facts.method ?? "step");
  return node.label.split("/").slice(1).join("/");
}

// `recalled`, `tainted` or an empty word: as `lineage.outline.mark_of`.
export function mark(node) {
  if (node.facts.status === "recalled") return "recalled";
  return node.facts.taint ? "tainted" : "";
}

// The group that a neighbour is counted in: as `registry.domain.verbs.lineage.Rest`.
export function groupOf(node) {
  if (node.kind !== STEP) return node.kind;
  return node.facts.state === "succeeded" ? node.facts.method : "unfinished";
}

// `26 by fine tuning`, `1 unfinished step`, `3 datasets`; at least so many where not all were counted.
export function many({ group, count }, counted = true) {
  const number = `${count.toLocaleString("en")}${counted ? "" : " or more"}`;
  const plural = count === 1 ? "" : "s";
  if (group === "unfinished") return `${number} unfinished step${plural}`;
  if (group in KINDS) return `${number} ${KINDS[group].toLowerCase()}${plural}`;
  return `${number} by ${words(group)}`;
}

export function facts(node) {
  const found = [["Kind", kindOf(node)]];
  for (const [key, value] of Object.entries(node.facts)) {
    const shown = key === "created_at" ? day(value) : key === "taint" ? TAINTS[value] : words(value);
    found.push([FACTS[key] ?? capital(words(key)), shown]);
  }
  if (node.digest) found.push(["Digest", String(node.digest).slice(0, 19)]);
  return found;
}

const day = (moment) => new Date(moment).toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });

// What a screen reader hears of a node.
export function spoken(element) {
  if (element.data("rest")) return `${element.data("title")}, not drawn. Press Enter to show more of them.`;
  const node = element.data("node");
  const said = [kindOf(node), node.kind === STEP ? title(node) : node.label];
  if (mark(node)) said.push(mark(node));
  for (const key of ["stage", "status", "state"]) if (node.facts[key] && node.facts[key] !== "active" && !said.includes(node.facts[key])) said.push(node.facts[key]);
  const [above, below] = [element.incomers("node").length, element.outgoers("node").length];
  return `${said.join(", ")}. ${above} before it, ${below} after it.`;
}
