// The drawn part of a family: what the API answered, put together, and what it said that it left out.

import { groupOf, many, mark, MARKS, target, title } from "./words.js";

const PAGE = 12; // neighbours that one click adds
const STRENGTH = ["contradicted", "declared", "observed", "verified"];

export class Family {
  constructor(graph, at) {
    this.graph = graph;
    this.at = at;
    this.rests = new Map(); // `node towards group` -> what is not drawn
    this.shown = new Map(); // the same -> how many pages a reader asked for
    this.counted = true;
  }

  async load(query) {
    const asked = new URLSearchParams(query);
    if (this.at) asked.set("at", this.at);
    const answer = await fetch(`/api/v1/lineage/near?${asked}`, { headers: { Accept: "application/json" } });
    const found = await answer.json();
    if (!answer.ok) throw new Error(found.detail);
    return this.add(found, Boolean(query.group));
  }

  // The next of what is left out at `rest`. Gives how many nodes are new.
  async more(rest) {
    const node = this.graph.getElementById(String(rest.node)).data("node");
    const [up, down] = rest.towards === "up" ? [1, 0] : [0, 1];
    const query = { target: target(node), up, down, each: PAGE, limit: 3 * PAGE, group: rest.group };
    if (rest.after !== null) query.after = rest.after;
    const key = keyOf(rest);
    this.rests.delete(key);
    try {
      const fresh = await this.load(query);
      this.shown.set(key, (this.shown.get(key) ?? 0) + 1);
      return fresh;
    } catch (error) {
      this.rests.set(key, rest);
      throw error;
    }
  }

  add(found, part) {
    this.counted &&= found.counted;
    const nodes = found.nodes
      .filter((node) => this.graph.getElementById(String(node.id)).empty())
      .map((node) => ({ group: "nodes", data: { id: String(node.id), kind: node.kind, node, mark: mark(node), focus: !part && node.id === found.focus ? 1 : 0 } }));
    this.graph.add(nodes);
    this.graph.add(joined(found.edges).filter((one) => this.graph.getElementById(one.data.id).empty()));
    if (found.matches) this.graph.nodes().filter((one) => one.data("focus") !== 1 && !found.matches.drawn.includes(Number(one.id()))).addClass("aside");
    for (const rest of found.rest) if (this.rests.get(keyOf(rest))?.after == null) this.rests.set(keyOf(rest), rest);
    this.settle();
    return nodes.length;
  }

  // Counts become nodes of their own (`+ 26 by fine tuning`) where some of a group are drawn, else a number in the title.
  settle() {
    this.graph.remove("[rest]");
    for (const [key, rest] of this.rests) {
      if (rest.after === null && rest.count <= this.drawn(rest)) this.rests.delete(key);
    }
    this.graph.nodes().forEach((element) => {
      const node = element.data("node");
      const beyond = this.of(element.id()).filter((rest) => rest.after === null).reduce((sum, rest) => sum + rest.count, 0);
      const word = mark(node);
      element.data("title", [word ? `${MARKS[word]} ${word}` : "", title(node) + (beyond ? ` (+${beyond.toLocaleString("en")})` : "")].filter(Boolean).join("\n"));
    });
    for (const [key, rest] of this.rests) {
      if (rest.after === null) continue;
      const [node, id] = [String(rest.node), restId(rest)];
      const ends = rest.towards === "up" ? { source: id, target: node } : { source: node, target: id };
      this.graph.add([
        { group: "nodes", data: { id, rest: key, title: `+ ${many(rest, this.counted)}` } },
        { group: "edges", data: { id: `edge ${id}`, rest: key, role: "", assurance: "", ...ends } },
      ]);
    }
  }

  drawn(rest) {
    const element = this.graph.getElementById(String(rest.node));
    const beside = rest.towards === "up" ? element.incomers("node") : element.outgoers("node");
    return beside.filter((one) => groupOf(one.data("node")) === rest.group).length;
  }

  of(id) {
    return [...this.rests.values()].filter((rest) => String(rest.node) === id);
  }

  nodes() {
    return this.graph.nodes().filter((one) => !one.data("rest"));
  }
}

export const restId = (rest) => `rest ${keyOf(rest)}`;
export const keyOf = (rest) => `${rest.node} ${rest.towards} ${rest.group}`;

// One line between two nodes: a dataset that goes into a step for training and for testing is `train, test`, and the
// line looks like the weakest of its assurances.
function joined(edges) {
  const between = new Map();
  for (const edge of edges) {
    const id = `${edge.source}-${edge.target}`;
    const made = edge.role === "output";
    const known = between.get(id) ?? { id, source: String(edge.source), target: String(edge.target), roles: [], assurance: made ? "output" : "verified" };
    if (!made && !known.roles.includes(edge.role)) known.roles.push(edge.role);
    if (!made && STRENGTH.indexOf(edge.assurance) < STRENGTH.indexOf(known.assurance)) known.assurance = edge.assurance;
    between.set(id, known);
  }
  return [...between.values()].map(({ roles, ...data }) => {
    const role = roles.join(", ");
    return { group: "edges", data: { ...data, said: role, role: data.assurance === "contradicted" ? `${role}: ✕ contradicted` : role } };
  });
}
