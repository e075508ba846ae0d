/**
 * Keeps the family's page fresh: asks every ten seconds while somebody looks (three while there is
 * an alert), counts the seconds since, and says so plainly when nothing comes any more. A page that
 * looks well must be well: what was not heard just now is shown as old, and never green.
 */
const EVERY_MS = 10_000;
const IN_ALARM_MS = 3_000;
const PRESS_MS = 1_500;
const STALE_MS = 30_000;

const root = document.documentElement;
const main = /** @type {HTMLElement} */ (document.querySelector("main"));
/** When what is shown was heard: never, of a page the service worker had kept. */
let heard = root.classList.contains("old") ? [-Infinity, -Infinity] : moment();
let shown = news(parsed(main.innerHTML));
let pressed = [-Infinity, -Infinity];
let asked = moment();

/** Now, by two clocks: one goes on while a telephone sleeps, nobody sets the other. */
function moment() {
  return [Date.now(), performance.now()];
}

/** @param {number[]} then */
function since(then) {
  return Math.max(Date.now() - then[0], performance.now() - then[1]);
}

/** @param {Element | null} element what stays the same of it when it is drawn anew */
function nameOf(element) {
  if (!element || !main.contains(element)) return "";
  const form = element.closest("form");
  return form ? `[action="${form.getAttribute("action")}"] button` : element.matches("a[href]") ? `a[href="${element.getAttribute("href")}"]` : "";
}

/** @param {string} drawn */
function parsed(drawn) {
  const part = document.createElement("template");
  part.innerHTML = drawn;
  return part.content;
}

/** @param {DocumentFragment} part what of it is news: its time alone is none, nor how it is written */
function news(part) {
  const copy = /** @type {DocumentFragment} */ (part.cloneNode(true));
  for (const at of copy.querySelectorAll("time.at")) at.remove();
  const box = document.createElement("div");
  box.append(copy);
  return box.innerHTML.trim();
}

/** Whether a finger is down: nothing is swapped under it. A press that never ends is none. */
function isPressed() {
  return performance.now() - pressed[1] < PRESS_MS;
}

/** @param {string} drawn */
function show(drawn) {
  const part = parsed(drawn);
  const said = news(part);
  if (said === shown) {
    const times = part.querySelectorAll("time.at");
    main.querySelectorAll("time.at").forEach((each, n) => each.replaceWith(times[n]));
  } else {
    const focused = nameOf(document.activeElement);
    main.replaceChildren(part);
    const again = focused && main.querySelector(focused);
    if (again instanceof HTMLElement) again.focus();
  }
  shown = said;
  heard = moment();
}

async function ask() {
  const url = main.dataset.part;
  if (!url || document.hidden || isPressed()) return;
  asked = moment();
  const answer = await fetch(url, { signal: AbortSignal.timeout(8000), redirect: "manual" }).catch(() => null);
  if (answer?.type === "opaqueredirect" || [401, 403, 404].includes(answer?.status ?? 0)) location.reload();  // to the log-in, or to be told that it is no home of theirs
  if (!answer?.ok) return;
  const drawn = await answer.text();
  if (!isPressed()) show(drawn);
  tell();
}

function tell() {
  const age = since(heard);
  const at = main.querySelector("#at");
  root.classList.toggle("old", age >= STALE_MS);
  if (at instanceof HTMLElement && at.dataset.words && age < STALE_MS) at.textContent = at.dataset.words.replace("{n}", String(Math.round(Math.max(0, age) / 1000)));
}

/** Let the service worker keep the page from the first visit on, before it stood between. */
async function beKept() {
  const { serviceWorker } = navigator;
  if (!serviceWorker) return;
  const wasThere = Boolean(serviceWorker.controller);
  await serviceWorker.register("/sw.js");
  await serviceWorker.ready;
  if (wasThere || root.classList.contains("old")) return;
  while (!serviceWorker.controller) await new Promise((done) => serviceWorker.addEventListener("controllerchange", done, { once: true }));
  const files = performance.getEntriesByType("resource").map((each) => each.name);
  for (const url of [location.href, ...files.filter((name) => name.includes("/static/"))]) void fetch(url).catch(() => undefined);
}

addEventListener("pointerdown", () => { pressed = moment(); });
setInterval(() => {
  tell();
  const every = main.querySelector(".card.alert") ? IN_ALARM_MS : EVERY_MS;
  if (since(asked) >= every) void ask();
}, 1000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) { tell(); void ask(); } });
addEventListener("online", () => void ask());
if (root.classList.contains("old")) void ask();
void beKept().catch(() => undefined);
