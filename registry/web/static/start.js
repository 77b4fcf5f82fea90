// The columns of a CSV file that was chosen are read from its first line, and offered for texts and labels.

const file = document.querySelector("[data-file]");
const [text, label, said] = ["text", "label", "said"].map((name) => document.querySelector(`[data-${name}]`));
const offered = document.getElementById("columns");

function cells(line) {
  const found = [""];
  let quoted = false;
  for (const sign of line) {
    if (sign === '"') quoted = !quoted;
    else if (sign === "," && !quoted) found.push("");
    else found[found.length - 1] += sign;
  }
  return found;
}

file.addEventListener("change", async () => {
  const [chosen] = file.files;
  if (!chosen?.name.toLowerCase().endsWith(".csv")) return;
  const start = (await chosen.slice(0, 65536).text()).replace(/^\ufeff/, "");
  const heads = cells(start.split(/\r?\n/, 1)[0]);
  offered.replaceChildren(...heads.map((head) => new Option(head, head)));
  if (!heads.includes(text.value)) text.value = heads[0];
  if (!heads.includes(label.value)) label.value = heads.at(-1);
  said.textContent = `Columns: ${heads.join(", ")}`;
});
