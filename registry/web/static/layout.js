// A layered layout for family trees: generations from left to right (or top to bottom), few crossings.
// Pure: `place(nodes, edges, wide)` takes [{id, kind}] and [{source, target}] and gives a Map of id to {x, y}.

export const STEP = "transfer_step";

export function place(nodes, edges, wide) {
  const layers = layered(nodes, edges);
  const rows = [];
  for (const node of nodes) (rows[layers.get(node.id)] ??= []).push(node.id);
  const kept = rows.filter(Boolean);
  const beside = neighbours(edges);
  untangle(kept, beside);
  return spread(kept, beside, wide);
}

function neighbours(edges) {
  const beside = new Map();
  const join = (one, other) => beside.set(one, [...(beside.get(one) ?? []), other]);
  for (const { source, target } of edges) {
    join(source, target);
    join(target, source);
  }
  return beside;
}

// The layer of a node is the longest way to it; what has no parents moves next to its nearest child.
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
    layer.set(id, Math.max(0, ...into.get(id).map((above) => layer.get(above) + 1)));
    for (const below of out.get(id)) {
      waiting.set(below, waiting.get(below) - 1);
      if (waiting.get(below) === 0) ready.push(below);
    }
  }
  const order = [...layer.keys()].reverse();
  for (const id of order) {
    const roots = into.get(id).length === 0 || into.get(id).every((above) => into.get(above).length === 0 && out.get(above).length === 1);
    if (roots && out.get(id).length) layer.set(id, Math.min(...out.get(id).map((below) => layer.get(below))) - 1);
  }
  return layer;
}

// Barycentres, down and up a few times: each node goes to the mean place of its neighbours.
function untangle(rows, beside) {
  const at = new Map();
  const note = () => rows.forEach((row) => row.forEach((id, place) => at.set(id, place - (row.length - 1) / 2)));
  const mean = (id) => {
    const near = (beside.get(id) ?? []).filter((other) => at.has(other));
    return near.length ? near.reduce((sum, other) => sum + at.get(other), 0) / near.length : at.get(id);
  };
  note();
  for (let sweep = 0; sweep < 8; sweep += 1) {
    const way = sweep % 2 ? [...rows].reverse() : rows;
    for (const row of way) {
      const wish = new Map(row.map((id) => [id, mean(id)]));
      row.sort((one, two) => wish.get(one) - wish.get(two));
      row.forEach((id, place) => at.set(id, place - (row.length - 1) / 2));
    }
    note();
  }
}

// Places in pixels: as near to the neighbours' mean as the gap to the row's other nodes allows.
function spread(rows, beside, wide) {
  const along = wide ? 150 : 84;
  const across = wide ? 78 : 170;
  const at = new Map();
  rows.forEach((row, layer) =>
    row.forEach((id, place) => at.set(id, { layer, place: (place - (row.length - 1) / 2) * across })),
  );
  for (let sweep = 0; sweep < 12; sweep += 1) {
    for (const row of rows) {
      const wish = row.map((id) => {
        const near = beside.get(id) ?? [];
        return near.length ? near.reduce((sum, other) => sum + at.get(other).place, 0) / near.length : at.get(id).place;
      });
      const middle = wish.reduce((sum, place) => sum + place, 0) / wish.length;
      for (let i = 1; i < wish.length; i += 1) wish[i] = Math.max(wish[i], wish[i - 1] + across);
      const shift = middle - wish.reduce((sum, place) => sum + place, 0) / wish.length;
      row.forEach((id, i) => (at.get(id).place = wish[i] + shift));
    }
  }
  const found = new Map();
  for (const [id, { layer, place }] of at) {
    found.set(id, wide ? { x: layer * along, y: place } : { x: place, y: layer * along });
  }
  return found;
}
