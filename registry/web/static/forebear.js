// Small comforts for pages that work without them: copy buttons, a sort choice that acts at once, folded filters, boxes to scroll.

for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.classList.add("done");
    setTimeout(() => button.classList.remove("done"), 1200);
  });
}

for (const choice of document.querySelectorAll("select[data-submit]")) {
  choice.addEventListener("change", () => choice.form.requestSubmit());
}

const filters = document.querySelector(".facets .fold");
if (filters && window.matchMedia("(max-width: 960px)").matches) filters.open = false;

document.addEventListener("click", (event) => {
  for (const open of document.querySelectorAll(".me[open], .picker[open]")) {
    if (!open.contains(event.target)) open.open = false;
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const open of document.querySelectorAll(".me[open], .picker[open]")) open.open = false;
});

// A box whose content is longer than itself can be reached and scrolled with the keyboard.
const reach = new ResizeObserver((boxes) => {
  for (const { target } of boxes) {
    const longer = target.scrollWidth > target.clientWidth || target.scrollHeight > target.clientHeight;
    if (longer) target.tabIndex = 0;
    else target.removeAttribute("tabindex");
  }
});
for (const box of document.querySelectorAll("pre, .scroll, .outlines, .graph-bar")) reach.observe(box);

// How many votes, findings and policies wait for the reader: asked for after the page is there.
const badge = document.querySelector("[data-inbox]");
if (badge) {
  const answer = await fetch("/inbox/count", { headers: { Accept: "application/json" } }).catch(() => null);
  const items = answer && answer.ok ? (await answer.json()).waiting : 0;
  badge.hidden = items === 0;
  badge.querySelector("b").textContent = String(items);
  badge.setAttribute("aria-label", `Inbox: ${items} waiting for you`);
}
