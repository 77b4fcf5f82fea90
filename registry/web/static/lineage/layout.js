// A layered layout for family trees: generations in order, few crossings, and lanes kept free for long edges.
// After Sugiyama, Tagawa and Toda (1981). Pure: no document, no graph library.

const MOST_LANES = 3000; // places kept free for long edges; a larger graph draws them straight

// `place([{id}], [{id, source, target}], wide)` gives {places: id -> {x, y}, bends: edge id -> [{x, y}]}.
// Layers run left to right when `wide`, else top to bottom.
export function place(nodes, edges, wide) {
  const layer = layered(nodes, edges);
  const { rows, links, chains } = laned(nodes, edges, layer);
  const near = neighbours(links);
  const at = spread(untangle(rows, near), near.beside, wide);
  const places = new Map(nodes.map((node) => [node.id, at.get(node.id)]));
  const bends = new Map([...chains].map(([edge, lanes]) => [edge, lanes.map((lane) => at.get(lane))]));
  return { places, bends };
}

// The layer of a node is the longest way to it; what nothing in view leads to moves down next to its nearest child.
function layered(nodes, edges) {
  const into = new Map(nodes.map((node) => [node.id, []]));
  const out = new Map(nodes.map((node) => [node.id, []]));
  for (const { source, target } of edges) {
    into.get(target).push(source);
    out.get(source).push(target);
  }
  const layer = new Map();
  const waiting = new Map(nodes.map((node) => [node.id, into.get(node.id).length]));
  const ready = nodes.filter((node) => waiting.get(node.id) === 0).map((node) => node.id);
  while (ready.length) {
    const id = ready.shift();
    layer.set(id, into.get(id).reduce((deepest, above) => Math.max(deepest, layer.get(above) + 1), 0));
    for (const below of out.get(id)) {
      waiting.set(below, waiting.get(below) - 1);
      if (waiting.get(below) === 0) ready.push(below);
    }
  }
  const isRoot = (id) => into.get(id).every((above) => into.get(above).length === 0 && out.get(above).length === 1);
  for (const id of [...layer.keys()].reverse()) {
    const below = out.get(id).map((child) => layer.get(child));
    if (below.length && isRoot(id)) layer.set(id, below.reduce((least, one) => Math.min(least, one)) - 1);
  }
  const first = [...layer.values()].reduce((least, one) => Math.min(least, one), 0);
  return new Map([...layer].map(([id, number]) => [id, number - first]));
}

// Rows of nodes by layer; an edge over several layers gets a lane (a place without a node) in each layer between.
function laned(nodes, edges, layer) {
  const rows = [];
  const links = [];
  const chains = new Map();
  let lanes = 0;
  const put = (id, number) => (rows[number] ??= []).push(id);
  for (const { id } of nodes) put(id, layer.get(id));
  for (const { id, source, target } of edges) {
    const between = [];
    for (let number = layer.get(source) + 1; number < layer.get(target) && lanes < MOST_LANES; number += 1) {
      lanes += 1;
      between.push(`lane ${lanes}`);
      put(between.at(-1), number);
    }
    if (between.length) chains.set(id, between);
    const whole = [source, ...between, target];
    for (let i = 1; i < whole.length; i += 1) links.push([whole[i - 1], whole[i]]);
  }
  return { rows: rows.filter(Boolean), links, chains };
}

// What hangs on each place: `above` it, `below` it, and both together (`beside`).
function neighbours(links) {
  const [above, below, beside] = [new Map(), new Map(), new Map()];
  const join = (map, one, other) => (map.get(one) ?? map.set(one, []).get(one)).push(other);
  for (const [upper, lower] of links) {
    join(above, lower, upper);
    join(below, upper, lower);
    join(beside, upper, lower);
    join(beside, lower, upper);
  }
  return { above, below, beside };
}

const mean = (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length;

// Barycentres, down and up a few times, from two first orders: each place goes to the mean of its neighbours in the row
// before, or in both rows. No way is best for every family, and a sweep can undo what an earlier one gained: the order
// with the fewest crossings is kept.
function untangle(rows, { above, below, beside }) {
  const at = new Map();
  const note = (row) => row.forEach((id, i) => at.set(id, i - (row.length - 1) / 2));
  let best = { crossings: Infinity, rows };
  const turned = rows.map((row) => [...row].reverse());
  const ways = [rows, turned].flatMap((start) => [[start, above, below], [start, beside, beside]]);
  for (const [start, before, after] of ways) {
    const tried = start.map((row) => [...row]);
    tried.forEach(note);
    for (let sweep = 0; sweep < 8 && best.crossings > 0; sweep += 1) {
      const near = sweep % 2 ? after : before;
      for (const row of sweep % 2 ? [...tried].reverse() : tried) {
        const wish = new Map(row.map((id) => [id, near.has(id) ? mean(near.get(id).map((other) => at.get(other))) : at.get(id)]));
        row.sort((one, two) => wish.get(one) - wish.get(two));
        note(row);
      }
      const crossings = crossed(tried, below);
      if (crossings < best.crossings) best = { crossings, rows: tried.map((row) => [...row]) };
    }
  }
  return best.rows;
}

// How many links cross, over each pair of neighbouring rows; large rows are not counted (the first order is kept).
function crossed(rows, below) {
  let count = 0;
  for (let i = 1; i < rows.length; i += 1) {
    const place = new Map(rows[i].map((id, number) => [id, number]));
    const ends = rows[i - 1].flatMap((id) => (below.get(id) ?? []).map((other) => place.get(other)).sort((a, b) => a - b));
    if (ends.length > 400) continue;
    for (let k = 0; k < ends.length; k += 1) for (let m = 0; m < k; m += 1) count += ends[m] > ends[k];
  }
  return count;
}

// Pixels: as near to the neighbours' mean as the room of the others in the row allows. A lane needs less than a node.
function spread(rows, beside, wide) {
  const along = wide ? 150 : 84;
  const room = wide ? 64 : 170;
  const half = (id) => (id.startsWith("lane ") ? room * 0.2 : room * 0.5);
  const at = new Map();
  for (const row of rows) row.forEach((id, i) => at.set(id, (i - (row.length - 1) / 2) * room));
  for (let sweep = 0; sweep < 16; sweep += 1) {
    for (const row of sweep % 2 ? [...rows].reverse() : rows) {
      const wish = row.map((id) => (beside.has(id) ? mean(beside.get(id).map((other) => at.get(other))) : at.get(id)));
      const middle = mean(wish);
      for (let i = 1; i < wish.length; i += 1) {
        wish[i] = Math.max(wish[i], wish[i - 1] + half(row[i - 1]) + half(row[i]));
      }
      const shift = middle - mean(wish);
      row.forEach((id, i) => at.set(id, wish[i] + shift));
    }
  }
  const found = new Map();
  rows.forEach((row, number) =>
    row.forEach((id) => found.set(id, wide ? { x: number * along, y: at.get(id) } : { x: at.get(id), y: number * along })),
  );
  return found;
}
