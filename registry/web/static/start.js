// Data of somebody's own: a file, or a folder of class folders, chosen or dropped. It is sent as any other upload is,
// each file with its path in the folder; what the server refuses is said beside the form, which keeps what was typed.

const form = document.querySelector("[data-own]");
const names = ["drop", "file", "folder", "said", "name", "columns", "text", "label", "refused", "sending", "sent", "phase"];
const parts = Object.fromEntries(names.map((name) => [name, form.querySelector(`[data-${name}]`)]));
const button = form.querySelector("button");
const offered = document.getElementById("columns");
const DELIMITERS = [",", "\t", ";", "|"];
const SAMPLE = 50;
const TABLES = new Set(["csv", "tsv", "jsonl", "ndjson", "json", "parquet"]);
const LEFT_BEHIND = new Set(["thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r"]); // as adapters/dvc leaves out
let chosen = []; // [path, file]
let columns = 0; // of a table whose header was read
let choosing = 0;

const ending = (path) => path.toLowerCase().split(".").at(-1);
const number = (value) => value.toLocaleString("en");
const counted = (count, noun, many = `${noun}s`) => `${number(count)} ${count === 1 ? noun : many}`;
const isHidden = (path) => path.split("/").some((part) => part.startsWith(".") || LEFT_BEHIND.has(part.toLowerCase()));

// As registry/presenting/formats.py writes them.
function size(count) {
  if (Math.round(count) < 1000) return `${count} B`;
  for (const unit of ["kB", "MB", "GB"]) {
    count /= 1000;
    if (count < 999.95) return `${count.toFixed(1)} ${unit}`;
  }
  return `${(count / 1000).toFixed(1)} TB`;
}

// As registry/presenting/starting.py makes a name.
const slug = (text) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 60).replace(/^-+|-+$/g, "") || "mine";

function cells(line, sign) {
  const found = [""];
  let quoted = false;
  for (const one of line) {
    if (one === '"') quoted = !quoted;
    else if (one === sign && !quoted) found.push("");
    else found[found.length - 1] += one;
  }
  return found;
}

// As registry/presenting/starting.py finds it.
function delimiterOf(header, kind) {
  const plain = header.replace(/"[^"]*"/g, "");
  const count = (sign) => plain.split(sign).length;
  if (kind === "tsv" && header.includes("\t")) return "\t";
  return DELIMITERS.reduce((best, sign) => (count(sign) > count(best) ? sign : best));
}

// The names of the columns, and the cells of the first rows; none for a file that the server has to look into.
async function sampleOf(file) {
  const kind = ending(file.name);
  if (!["csv", "tsv", "jsonl", "ndjson"].includes(kind)) return [[], []];
  const lines = (await file.slice(0, 65536).text()).replace(/^\ufeff/, "").split(/\r?\n/);
  if (file.size > 65536) lines.pop(); // it may be cut off
  try {
    if (kind.endsWith("json") || kind === "jsonl") {
      const rows = lines.filter(Boolean).slice(0, SAMPLE).map((line) => JSON.parse(line));
      const heads = Object.keys(rows[0]);
      return [heads, rows.map((row) => heads.map((head) => String(row[head] ?? "")))];
    }
  } catch {
    return [[], []]; // the server says what is wrong with it
  }
  const named = /^sep=(.)$/i.exec(lines[0])?.[1];
  if (named) lines.shift();
  const sign = named ?? delimiterOf(lines[0] ?? "", kind);
  const [heads, ...rows] = lines.slice(0, SAMPLE + 1).map((line) => cells(line, sign).map((cell) => cell.trim()));
  return [heads, rows.filter((row) => row.length === heads.length)];
}

// The columns of texts and of labels, as registry/presenting/starting.py guesses them.
function guessed(heads, rows) {
  const places = heads.map((_, place) => place);
  const length = (place) => rows.reduce((sum, row) => sum + row[place].length, 0);
  const kinds = (place) => new Set(rows.map((row) => row[place])).size;
  const among = (name, others, better) => others.find((place) => heads[place] === name) ?? others.reduce((a, b) => (better(b, a) ? b : a));
  const text = among("text", places, (a, b) => length(a) > length(b));
  const others = places.filter((place) => place !== text);
  if (!others.length) return [heads[text], ""];
  const telling = others.filter((place) => kinds(place) > 1);
  return [heads[text], heads[among("label", telling.length ? telling : others, (a, b) => kinds(a) <= kinds(b))]];
}

function refuse(...sentences) {
  parts.refused.replaceChildren(...sentences.filter(Boolean).map((one) => {
    const line = document.createElement("p");
    line.textContent = /[.!?]$/.test(one) ? one : `${one}.`;
    return line;
  }));
  parts.refused.hidden = sentences.length === 0;
}

// A folder that came by itself is not a class: the paths begin inside it.
function inside(found) {
  const tops = new Set(found.map(([path]) => path.split("/")[0]));
  const whole = tops.size === 1 && found.every(([path]) => path.includes("/"));
  return whole ? [[...tops][0], found.map(([path, file]) => [path.slice(path.indexOf("/") + 1), file])] : ["", found];
}

async function choose(found) {
  const turn = ++choosing;
  refuse();
  const [top, within] = inside(found);
  chosen = within.filter(([path]) => within.length === 1 || !isHidden(path));
  const bytes = chosen.reduce((sum, [, file]) => sum + file.size, 0);
  const [heads, rows] = chosen.length === 1 ? await sampleOf(chosen[0][1]) : [[], []];
  if (turn !== choosing) return; // something else was chosen meanwhile
  const folders = new Set(chosen.filter(([path]) => path.includes("/")).map(([path]) => path.split("/")[0]));
  const what = chosen.length === 1 ? chosen[0][0] : counted(chosen.length, "file");
  const where = folders.size ? ` in ${counted(folders.size, "folder")} (${[...folders].sort().slice(0, 8).join(", ")}${folders.size > 8 ? ", …" : ""})` : "";
  parts.said.hidden = chosen.length === 0;
  parts.said.textContent = `${top ? `${top}: ` : ""}${what}${where}, ${size(bytes)}.${heads.length ? ` Columns: ${heads.join(", ")}.` : ""}`;
  parts.columns.hidden = !chosen.some(([path]) => TABLES.has(ending(path)));
  const called = top || chosen[0]?.[0].split("/").at(-1).replace(/(\.[a-z0-9]{1,8}){1,2}$/i, "");
  if (called && (!parts.name.value || parts.name.value === parts.name.dataset.suggested)) {
    parts.name.value = parts.name.dataset.suggested = `data/${slug(called)}`;
  }
  columns = heads.length;
  offered.replaceChildren(...heads.map((head) => new Option(head, head)));
  if (heads.length) [parts.text.value, parts.label.value] = guessed(heads, rows);
}

async function filesOf(entry) {
  if (entry.isFile) return [[entry.fullPath.slice(1), await new Promise((done, failed) => entry.file(done, failed))]];
  const [reader, found] = [entry.createReader(), []];
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) return found;
    for (const one of some) found.push(...await filesOf(one));
  }
}

function send(address, body) {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open("POST", address);
    request.responseType = "json";
    request.setRequestHeader("X-CSRF-Token", form.elements.csrf.value);
    request.upload.addEventListener("progress", ({ loaded, total }) => {
      [parts.sent.max, parts.sent.value] = [total, loaded];
      parts.phase.textContent = `${size(loaded)} of ${size(total)} sent`;
    });
    request.upload.addEventListener("load", () => {
      parts.sent.removeAttribute("value");
      parts.phase.textContent = "The server reads and checks every row";
    });
    request.addEventListener("load", () => done([request.status, request.response]));
    request.addEventListener("error", () => done([0, null]));
    request.send(body);
  });
}

async function upload() {
  const bytes = chosen.reduce((sum, [, file]) => sum + file.size, 0);
  const [most, files] = [Number(form.dataset.most), Number(form.dataset.files)];
  if (!chosen.length) return refuse("No file was chosen", "Drop a file or a folder, or choose one of the datasets that are registered");
  if (bytes > most) return refuse(`This is ${size(bytes)}, and the server takes ${size(most)} at most`, "Divide it");
  if (chosen.length > files) return refuse(`These are ${number(chosen.length)} files, and the server takes ${number(files)} at most`, "Divide it");
  if (columns === 1) return refuse("This table has one column, and rows need a label beside their text", "Add a column that says what each row is");
  const typed = (field) => form.elements[field].value.trim();
  const details = { licence: typed("licence") };
  if (!parts.columns.hidden) Object.assign(details, { text_column: typed("text") || "text", label_column: typed("label") || "label" });
  const body = new FormData();
  body.append("details", JSON.stringify(details));
  for (const [path, file] of chosen) body.append("file", file, path);
  const [team, name] = typed("name").split("/").map(encodeURIComponent);
  const [status, answer] = await send(`/api/v1/datasets/${team}/${name}/versions`, body);
  if (status === 201) {
    location.assign(`/start?data=${encodeURIComponent(answer.summary.ref)}`);
    return;
  }
  if (status === 0) refuse("The connection to the server was lost, or a file was changed after it was chosen", "Choose it again");
  else refuse(answer?.detail ?? "The server failed", answer?.remedy);
  parts.columns.hidden = chosen.length > 1; // a table in an archive has columns too
}

parts.file.addEventListener("change", () => {
  parts.folder.value = "";
  choose([...parts.file.files].map((file) => [file.name, file]));
});
parts.folder.addEventListener("change", () => {
  parts.file.value = "";
  choose([...parts.folder.files].map((file) => [file.webkitRelativePath, file]));
});
for (const kind of ["dragenter", "dragover", "dragleave", "drop"]) {
  parts.drop.addEventListener(kind, (event) => {
    event.preventDefault();
    parts.drop.classList.toggle("over", kind === "dragenter" || kind === "dragover");
  });
}
parts.drop.addEventListener("drop", async ({ dataTransfer }) => {
  const entries = [...dataTransfer.items].map((one) => one.webkitGetAsEntry()).filter(Boolean);
  parts.file.value = parts.folder.value = "";
  try {
    await choose((await Promise.all(entries.map(filesOf))).flat());
  } catch {
    refuse("What was dropped cannot be read", "Choose it instead");
  }
});
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  refuse();
  [button.disabled, parts.sending.hidden] = [true, false];
  parts.phase.textContent = "";
  try {
    await upload();
  } finally {
    [button.disabled, parts.sending.hidden] = [false, true];
  }
});
