/**
 * Keeps the family's page fresh: asks every ten seconds while somebody looks (three while there is
 * an alert), counts the seconds since, and says so plainly when nothing comes any more. A page that
 * looks well must be well.
 */
const EVERY_MS = 10_000;
const IN_ALARM_MS = 3_000;
const PRESS_MS = 1_500;
const STALE_MS = 30_000;

const main = /** @type {HTMLElement} */ (document.querySelector("main"));
const stale = /** @type {HTMLElement} */ (document.querySelector("#stale"));
/** When what is shown was heard; the wall clock, for it goes on while a telephone sleeps. */
let heardAt = Date.now();
let shown = news(main.innerHTML);
let pressedAt = 0;
let askedAt = Date.now();

/** @param {Element | null} element what stays the same of it when it is drawn anew */
function nameOf(element) {
  if (!element || !main.contains(element)) return "";
  const form = element.closest("form");
  return form ? `[action="${form.getAttribute("action")}"] button` : element.matches("a[href]") ? `a[href="${element.getAttribute("href")}"]` : "";
}

/** @param {string} drawn what of it is news: the time alone is none, nor how it is written */
function news(drawn) {
  const part = document.createElement("template");
  part.innerHTML = drawn;
  part.content.querySelector("#at")?.remove();
  return part.innerHTML.trim();
}

/** Whether a finger is down: nothing is swapped under it. A press that never ends is none. */
function isPressed() {
  return Date.now() - pressedAt < PRESS_MS;
}

/** @param {string} drawn */
function show(drawn) {
  const said = news(drawn);
  if (said !== shown) {
    const focused = nameOf(document.activeElement);
    main.innerHTML = drawn;
    const again = focused && main.querySelector(focused);
    if (again instanceof HTMLElement) again.focus();
  }
  shown = said;
  heardAt = Date.now();
}

async function ask() {
  const url = main.dataset.part;
  if (!url || document.hidden || isPressed()) return;
  askedAt = Date.now();
  const answer = await fetch(url, { signal: AbortSignal.timeout(8000), redirect: "manual" }).catch(() => null);
  if (answer?.type === "opaqueredirect" || answer?.status === 401) location.reload();  // to the log-in
  if (!answer?.ok) return;
  const drawn = await answer.text();
  if (!isPressed()) show(drawn);
  tell();
}

function tell() {
  const age = Date.now() - heardAt;
  const at = main.querySelector("#at");
  if (at instanceof HTMLElement && at.dataset.words) at.textContent = at.dataset.words.replace("{n}", String(Math.round(age / 1000)));
  stale.hidden = age < STALE_MS;
  if (!stale.hidden) stale.textContent = (stale.dataset.text ?? "").replace("{at}", time(new Date(heardAt)));
}

/** @param {Date} at */
function time(at) {
  const today = at.toDateString() === new Date().toDateString();
  return at.toLocaleString(document.documentElement.lang, today ? { hour: "2-digit", minute: "2-digit" } : { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit" });
}

addEventListener("pointerdown", () => { pressedAt = Date.now(); });
setInterval(() => {
  tell();
  const every = main.querySelector(".card.alert") ? IN_ALARM_MS : EVERY_MS;
  if (Date.now() - askedAt >= every) void ask();
}, 1000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) { tell(); void ask(); } });
addEventListener("online", () => void ask());
if ("serviceWorker" in navigator) void navigator.serviceWorker.register("/sw.js").catch(() => undefined);
