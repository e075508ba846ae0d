/**
 * Keeps the family's page fresh: asks every ten seconds, counts the seconds since, and says so
 * plainly when nothing comes any more. A page that looks well must be well.
 */
const EVERY_MS = 10_000;
const STALE_MS = 30_000;

const main = /** @type {HTMLElement} */ (document.querySelector("main"));
const stale = /** @type {HTMLElement} */ (document.querySelector("#stale"));
let heardAt = performance.now();
let clock = new Date().toTimeString().slice(0, 5);

async function ask() {
  const url = main.dataset.part;
  if (!url) return;
  const answer = await fetch(url, { signal: AbortSignal.timeout(8000), redirect: "manual" }).catch(() => null);
  if (answer?.type === "opaqueredirect" || answer?.status === 401) location.reload();  // to the log-in
  if (!answer?.ok) return;
  const drawn = await answer.text();
  heardAt = performance.now();
  clock = new Date().toTimeString().slice(0, 5);
  // whoever is about to press a button must not have it swapped under the finger
  if (drawn !== ask.drawn && !main.contains(document.activeElement?.closest("button, input") ?? null)) main.innerHTML = drawn;
  ask.drawn = drawn;
  tell();
}
/** @type {string} */
ask.drawn = "";

function tell() {
  const age = performance.now() - heardAt;
  const at = main.querySelector("#at");
  if (at instanceof HTMLElement && at.dataset.words) at.textContent = at.dataset.words.replace("{n}", String(Math.round(age / 1000)));
  stale.hidden = age < STALE_MS;
  if (!stale.hidden) stale.textContent = (stale.dataset.text ?? "").replace("{at}", clock);
  document.body.classList.toggle("old", !stale.hidden);
}

setInterval(() => void ask(), EVERY_MS);
setInterval(tell, 1000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) void ask(); });
addEventListener("online", () => void ask());
if ("serviceWorker" in navigator) void navigator.serviceWorker.register("/sw.js").catch(() => undefined);
