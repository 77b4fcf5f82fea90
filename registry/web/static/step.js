// A step that goes on, live: server-sent events move its bar; its curves are drawn by the server and asked for again
// when something was measured. A page that nobody looks at listens to nothing: browsers open few connections.

const page = document.querySelector("[data-live]");
const parts = Object.fromEntries([...page.querySelectorAll("[data-part]")].map((part) => [part.dataset.part, part]));
const curves = document.querySelector("[data-curves]");
const GOING = new Set(["queued", "running"]);
let [source, place, stale, asking] = [null, page.dataset.place, false, false];

const number = (value) => Math.round(value).toLocaleString("en");
const short = (value) => Math.abs(value) >= 999.95 ? number(value) : String(Number(value.toPrecision(4)));

// As registry/presenting/formats.py writes them.
function duration(seconds) {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds), two = (part) => String(Math.floor(part)).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two((whole % 3600) / 60)} min`;
}

function show({ state, progress, epoch, epochs }) {
  if (!progress || state !== "running") return; // until a worker takes a resumed step, its progress is of the earlier run
  const { phase, step, steps, samples, total, rate, loss, seconds_left: left } = progress;
  const [done, all] = total !== null || !step ? [samples, total] : [step, steps];
  const counted = Boolean(step || samples || total); // as `Progress.is_counted`
  parts.facts.hidden = !counted;
  parts.phase.textContent = phase.charAt(0).toUpperCase() + phase.slice(1);
  parts.count.textContent = !counted ? "" : total === null && step ? `${number(step)} of ${number(steps)} steps`
    : `${number(samples)}${total === null ? "" : ` of ${number(total)}`} samples`;
  if (all) [parts.bar.max, parts.bar.value] = [all, done];
  else parts.bar.removeAttribute("value");
  parts.epoch.textContent = `${Math.min(Math.floor(epoch) + 1, epochs)} of ${epochs}`; // as `presenting.formats.epoch`
  parts.rate.textContent = rate === null ? "–" : `${rate >= 10 ? number(rate) : short(rate)} samples/s`;
  parts.loss.textContent = loss === null ? "–" : typeof loss === "number" ? short(loss) : loss;
  parts.left.textContent = left === null ? "–" : duration(left);
}

async function redraw() {
  stale = true;
  if (asking) return;
  asking = true;
  while (stale) {
    stale = false;
    const answer = await fetch(curves.dataset.curves).catch(() => null);
    if (answer?.ok) {
      const kept = Object.fromEntries([...curves.querySelectorAll("[data-keep]")].map((one) => [one.dataset.keep, one.open]));
      const drawn = new DOMParser().parseFromString(await answer.text(), "text/html").body;
      for (const one of drawn.querySelectorAll("[data-keep]")) one.open = kept[one.dataset.keep] ?? one.open;
      curves.replaceChildren(...drawn.childNodes);
    }
    await new Promise((done) => setTimeout(done, 1000));
  }
  asking = false;
}

const told = {
  progress: show,
  metric: redraw,
  state(step) {
    if (!GOING.has(step.state)) {
      source.close();
      location.reload(); // what it made and its manifest are other parts of the page
      return;
    }
    for (const badge of document.querySelectorAll("[data-state]")) {
      badge.className = `badge state-${step.state}`;
      badge.textContent = step.state;
    }
    parts.said.textContent = `This step is ${step.state}`;
  },
};

function listen() {
  source = new EventSource(`${page.dataset.live}?after=${place}`);
  for (const [kind, tell] of Object.entries(told)) {
    source.addEventListener(kind, (event) => {
      place = event.lastEventId;
      tell(JSON.parse(event.data));
    });
  }
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) setTimeout(() => document.hidden || listen(), 5000);
  });
}

document.addEventListener("visibilitychange", () => {
  source?.close();
  if (!document.hidden) listen();
});
if (!document.hidden) listen();
