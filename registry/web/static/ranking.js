// A ranking under way: what has happened so far is asked for again each second, until it has ended.

const box = document.querySelector("[data-ranking]");

async function look() {
  const answer = document.hidden ? null : await fetch(box.dataset.ranking).catch(() => null);
  if (answer?.ok) {
    const drawn = new DOMParser().parseFromString(await answer.text(), "text/html").body;
    if (drawn.querySelector("[data-goes-on]")?.dataset.goesOn === "no") {
      location.reload(); // the table, or why it failed
      return;
    }
    box.replaceChildren(...drawn.childNodes);
  }
  setTimeout(look, 1000);
}

look();
