/** What every page does: time, menus, dialogs, and saying in words what went wrong. */
import htmx from "../vendor/htmx-4.0.1/htmx.esm.min.js";
import { parse } from "./alert-list.js";
import { keepExplaining } from "./failing.js";
import { beforeLogOut } from "./farewell.js";
import { keepFocus } from "./keep-focus.js";
import { Live } from "./live.js";
import { forget, keepWhom } from "./push-here.js";
import { keepTime } from "./site-time.js";
import { hush, say, settle } from "./toast.js";
import "./chosen-file.js";
import "./siren-button.js";
import "./stale-banner.js";
import "./time-chart.js";

const body = document.body;
const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById("ask"));

keepWhom().catch(() => null);
beforeLogOut(forget);

document.addEventListener("htmx:after:swap", (event) => {
  const { target, sourceElement, response, request, swap } = /** @type {CustomEvent} */ (event).detail.ctx;
  if (swap === "none") return; // nothing came that could take its place
  const ok = response?.raw?.ok;
  if (ok) settle(request?.method !== "GET");
  // A note that was taken is not there to be sent again; one that was refused stays.
  const note = document.querySelector("form.comment");
  if (note instanceof HTMLFormElement && sourceElement?.matches?.("form.comment") && ok) note.reset();
  const id = target instanceof Element ? `#${target.id}` : target;
  if (!dialog) return;
  if (id === "#ask-form") {
    if (!dialog.open) dialog.showModal();
    /** @type {HTMLElement | null} */ (dialog.querySelector("[autofocus]"))?.focus();
  } else if (id === "#detail" && dialog.open && dialog.contains(/** @type {Node} */ (event.target))) {
    if (ok || response?.raw?.status === 409) dialog.close();
  }
});
dialog?.addEventListener("click", (event) => {
  const element = /** @type {Element} */ (event.target);
  if (element === dialog || element.closest("[data-dismiss]")) {
    event.preventDefault();
    dialog.close();
  }
});

document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(/** @type {Node} */ (event.target))) menu.removeAttribute("open");
  }
  if (/** @type {Element} */ (event.target).closest("[data-print]")) window.print();
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.querySelector("details.menu[open]");
  if (menu?.contains(document.activeElement)) menu.querySelector("summary")?.focus();
  menu?.removeAttribute("open");
});

document.addEventListener("anju:live", (event) => {
  const { state } = /** @type {CustomEvent} */ (event).detail;
  for (const light of document.querySelectorAll(".live")) {
    const element = /** @type {HTMLElement} */ (light);
    element.dataset.state = state;
    element.textContent = element.dataset[`${state}Text`] ?? "";
  }
});
document.addEventListener("anju:heartbeat", () => {
  if (document.querySelector('.live[data-state="waiting"]')) {
    document.dispatchEvent(new CustomEvent("anju:live", { detail: { state: "live" } }));
  }
});
for (const part of ["counts", "windows", "handover"]) {
  let drawn = "";
  document.addEventListener(`anju:${part}`, (event) => {
    const target = document.getElementById(part);
    const { html } = /** @type {CustomEvent} */ (event).detail;
    // what stays as it is must not be read out again
    if (target && html !== drawn) target.innerHTML = drawn = html;
  });
}
document.addEventListener("anju:reset", () => {
  // The wall fetches what it missed by itself: a reload would lose the permission to sound.
  if (!document.getElementById("alerts")) location.reload();
});

/** The page that shows one alert redraws itself when that alert changes. */
document.addEventListener("anju:alert", (event) => {
  const detail = document.getElementById("detail");
  const shown = detail?.dataset.alert;
  const { html } = /** @type {CustomEvent} */ (event).detail;
  if (!detail || !shown || !html.includes(`data-id="${shown}"`)) return;
  void htmx.ajax("GET", detail.dataset.url || `/wall/alerts/${shown}?screen=${encodeURIComponent(body.dataset.screen ?? "")}`, { source: detail, target: "#detail", swap: "innerMorph" });
});

/** Away from the wall nothing sounds, so an alert that would is said in words. */
document.addEventListener("anju:alert", (event) => {
  if (document.getElementById("alerts")) return;
  const row = parse(/** @type {CustomEvent} */ (event).detail.html);
  const { id = "", loud, severity } = row.dataset;
  if (loud === "true" && id !== document.getElementById("detail")?.dataset.alert) {
    const what = row.querySelector(".what")?.lastChild?.textContent ?? "";
    say(`P${severity} ${what.trim()} · ${row.querySelector(".where")?.textContent ?? ""}`, { life: id });
  } else {
    hush(id);
  }
});

keepExplaining();
keepFocus();
keepTime();
if (body.dataset.stream) new Live(body.dataset.stream, body.dataset.seq ?? "0").start();
