// A ranking under way: the table as the server draws it is asked for again each second, until the ranking has ended.

const box = document.querySelector("[data-ranking]");
const part = (within, name) => within.querySelector(`[data-part="${name}"]`);
const scored = () => new Set([...box.querySelectorAll("[data-scored]")].map((row) => row.dataset.scored));

function show(drawn) {
  for (const name of ["line", "table"]) {
    const [old, next] = [part(box, name), part(drawn, name)];
    if (old.innerHTML === next.innerHTML) continue; // what did not change keeps its place, focus and selection
    const before = scored();
    old.replaceChildren(...next.childNodes);
    if (name === "line" || !before.size) continue;
    for (const row of box.querySelectorAll("[data-scored]")) row.classList.toggle("fresh", !before.has(row.dataset.scored));
  }
}

async function look() {
  const answer = document.hidden ? null : await fetch(box.dataset.ranking).catch(() => null);
  if (answer?.ok) {
    const drawn = new DOMParser().parseFromString(await answer.text(), "text/html").body;
    if (drawn.querySelector("[data-goes-on]")?.dataset.goesOn === "no") {
      location.reload(); // the whole report, or why it failed
      return;
    }
    show(drawn);
  }
  setTimeout(look, 1000);
}

look();
