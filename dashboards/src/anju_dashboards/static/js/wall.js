/** The wall: keeps list, plan and detail in step, and answers to the keyboard. */
import htmx from "../vendor/htmx-4.0.1/htmx.esm.min.js";
import { AlertList, parse } from "./alert-list.js";
import { Alive } from "./alive.js";
import { CatchUp } from "./catch-up.js";
import { Folding } from "./folding.js";
import { Receipts } from "./receipts.js";
import { UnseenRows } from "./unseen-rows.js";
import "./site-map.js";

const body = document.body;
const box = /** @type {HTMLElement} */ (document.getElementById("alerts"));
const receipts = new Receipts(body.dataset.screen ?? "wall", body.dataset.csrf ?? "");
const onPhone = matchMedia("(max-width: 1180px)");
const scrolls = matchMedia("(min-width: 901px)").matches;
const unseen = new UnseenRows(
  /** @type {HTMLButtonElement} */ (document.getElementById("below")),
  scrolls ? box.parentElement : null,
);
const list = new AlertList(box, (row) => {
  unseen.forget(row);
  receipts.forget(row);
});
const folding = new Folding(box.dataset.fold ?? "");
const catchUp = new CatchUp(takeAll);
let selected = "";
/** The panel's request under way, so that a quick key waits for what it is meant for. */
let loading = Promise.resolve();

function mark() {
  for (const link of box.querySelectorAll('a[aria-current="true"]')) link.removeAttribute("aria-current");
  list.row(selected)?.querySelector("a")?.setAttribute("aria-current", "true");
}

/** Tell everybody who draws alerts what is open now. */
function settle() {
  const rows = list.rows;
  folding.fold(rows);
  const empty = document.getElementById("no-alerts");
  if (empty) empty.hidden = rows.length > 0;
  unseen.update();
  const loud = rows.some((row) => row.dataset.loud === "true");
  document.dispatchEvent(new CustomEvent("anju:loud", { detail: { loud } }));
  document.dispatchEvent(new CustomEvent("anju:alerts", { detail: { rows, selected } }));
}

let settling = 0;
/** Many alerts may come in one frame; the plan is drawn once for them all. */
function settleSoon() {
  settling ||= requestAnimationFrame(() => {
    settling = 0;
    settle();
  });
  // A background tab gets no frames, but its siren must start all the same.
  if (document.hidden) settle();
}

/** @param {HTMLElement} row */
function take(row) {
  unseen.watch(row);
  receipts.note("delivered", row);
}

/** @param {string} id */
function load(id) {
  const detail = document.getElementById("detail");
  if (!detail || onPhone.matches) return;
  const swap = detail.dataset.alert === id ? "innerMorph" : "innerHTML";
  detail.dataset.alert = id;
  detail.setAttribute("aria-busy", "true");
  const screen = encodeURIComponent(body.dataset.screen ?? "");
  const done = () => detail.removeAttribute("aria-busy");
  loading = htmx.ajax("GET", `/wall/alerts/${id}?screen=${screen}`, { source: detail, target: "#detail", swap }).then(done, done);
}

/**
 * Show an alert in the panel.
 * @param {string} id
 */
function show(id) {
  selected = id;
  mark();
  load(id);
  settleSoon();
}

/**
 * Show the alert a person chose; only that counts as seen.
 * @param {string} id
 */
function select(id) {
  const row = list.row(id);
  if (!row) return;
  folding.reveal(row, list.rows);
  show(id);
  receipts.note("seen", row);
  row.querySelector("a")?.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

/** With nothing chosen, the worst alert nobody has is shown. */
function showWorst() {
  if (onPhone.matches || document.querySelector("#detail .incident")) return;
  const rows = list.rows;
  const worst = rows.find((row) => row.dataset.handling === "unacked") ?? rows[0];
  if (worst && worst.dataset.id !== selected) show(worst.dataset.id ?? "");
}

box.addEventListener("anju:fold", settle);
box.addEventListener("click", (event) => {
  if (/** @type {Element} */ (event.target).closest(".fold")) return;
  const row = /** @type {HTMLElement | null} */ (/** @type {Element} */ (event.target).closest("li.alert"));
  // On a phone the link opens the alert's own page; so do new-tab clicks anywhere.
  if (!row || onPhone.matches || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  select(row.dataset.id ?? "");
});

document.addEventListener("anju:select", (event) => {
  const { id } = /** @type {CustomEvent} */ (event).detail;
  if (onPhone.matches) location.assign(`/alerts/${id}`);
  else select(id);
});

/** @param {HTMLElement} fresh */
function draw(fresh) {
  const row = list.show(fresh);
  if (row) take(row);
}

document.addEventListener("anju:alert", (event) => {
  const fresh = parse(/** @type {CustomEvent} */ (event).detail.html);
  catchUp.touch(fresh.dataset.id ?? "");
  draw(fresh);
  mark();
  showWorst();
  settleSoon();
});

document.addEventListener("anju:device-picked", (event) => {
  const { slug } = /** @type {CustomEvent} */ (event).detail;
  if (onPhone.matches) return location.assign(`/devices/${slug}`);
  selected = "";
  mark();
  const detail = document.getElementById("detail");
  delete detail?.dataset.alert;
  loading = htmx.ajax("GET", `/wall/devices/${slug}`, { source: "#detail", target: "#detail", swap: "innerHTML" });
  settleSoon();
});

document.addEventListener("anju:reset", () => void catchUp.run());

/**
 * Show these alerts and no others, but leave alone what the stream has told of meanwhile.
 * @param {HTMLElement[]} fresh
 * @param {Set<string>} newer
 */
function takeAll(fresh, newer) {
  const known = new Set([...newer, ...fresh.map((row) => row.dataset.id ?? "")]);
  list.rows.filter((row) => !known.has(row.dataset.id ?? "")).forEach((row) => list.remove(row));
  fresh.filter((row) => !newer.has(row.dataset.id ?? "")).forEach(draw);
  mark();
  const shown = document.getElementById("detail")?.dataset.alert;
  if (shown) load(shown);
  showWorst();
  settleSoon();
}

/** @param {number} step */
function move(step) {
  const rows = list.rows.filter((row) => !row.classList.contains("folded"));
  const at = rows.findIndex((row) => row.dataset.id === selected);
  const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
  if (next) select(next.dataset.id ?? "");
}

/** @param {string} name */
async function press(name) {
  await loading;
  // Never act on another alert than the one outlined in the list.
  const panel = document.querySelector(`#detail .incident[data-shown="${selected}"]`);
  const control = /** @type {HTMLElement | null | undefined} */ (panel?.querySelector(`[data-do="${name}"]:not([disabled])`));
  control?.click();
}

/** @param {"list" | "map"} view */
function turnTo(view) {
  body.dataset.view = view;
  for (const tab of document.querySelectorAll("[data-tab]")) {
    tab.setAttribute("aria-pressed", String(/** @type {HTMLElement} */ (tab).dataset.tab === view));
  }
}

function toMap() {
  turnTo("map");
  /** @type {HTMLElement | null} */ (document.querySelector("site-map .leaflet-container"))?.focus();
}

/** @type {Record<string, () => void>} */
const keys = {
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  " ": () => void press("acknowledge"),
  d: () => void press("dispatch"),
  c: () => void press("close"),
  m: toMap,
};

const elsewhere = "input, textarea, select, button, summary, dialog, .leaflet-container, [contenteditable]";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat && event.key === " ") return;
  if (localStorage.getItem("anju-keys") === "off" && event.key.length === 1) return;
  if (/** @type {Element} */ (event.target).closest?.(elsewhere)) return;
  const act = keys[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

const toggle = document.getElementById("keys-toggle");
function drawToggle() {
  const on = localStorage.getItem("anju-keys") !== "off";
  toggle?.setAttribute("aria-pressed", String(on));
  document.querySelector(".keys")?.toggleAttribute("hidden", !on);
}
toggle?.addEventListener("click", () => {
  localStorage.setItem("anju-keys", localStorage.getItem("anju-keys") === "off" ? "on" : "off");
  drawToggle();
});
for (const tab of document.querySelectorAll("[data-tab]")) {
  tab.addEventListener("click", () => turnTo(/** @type {any} */ (tab).dataset.tab));
}

drawToggle();
if (body.dataset.desk) new Alive().start();
list.rows.forEach(take);
showWorst();
settle();
