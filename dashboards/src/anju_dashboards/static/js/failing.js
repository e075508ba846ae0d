/** Says in words what went wrong with what was asked of the server, and keeps what was typed in. */
import { say } from "./toast.js";

const words = document.body.dataset;
/** How long the server may take to say that it is there (ms). */
const PATIENCE = 5000;

/**
 * What the server itself says where it could not draw the part that was asked for.
 * @param {string | undefined} html
 */
function ownWords(html) {
  const part = new DOMParser().parseFromString(html ?? "", "text/html").querySelector("[data-failure]");
  return [...(part?.querySelectorAll("strong, span") ?? [])].map((each) => each.textContent ?? "").join(" · ");
}

/** @param {number | undefined} status @param {string} why @param {boolean} acts */
function inWords(status, why, acts) {
  const { unreachable = "", unsure = "", refused = "", failed = "" } = words;
  // What was sent and not confirmed may have been done all the same: nobody is told that it was not.
  if (!status || status < 400) return acts ? unsure : unreachable;
  if (acts && status >= 500) return `${unsure} (${status})`;
  return `${acts ? refused : failed} ${why} (${status})`.replace("  ", " ");
}

/** @param {Event} event */
function explain(event) {
  const { ctx } = /** @type {CustomEvent} */ (event).detail;
  const status = ctx?.response?.raw?.status;
  const acts = ctx?.request?.method !== "GET";
  const why = ownWords(ctx?.text);
  // These answer with the part itself, which says what was wrong.
  if ((status === 409 || status === 422) && !why) return;
  if (!ctx) return say(words.unsure ?? "");
  const another = !acts && ctx.swap === "innerHTML" && ctx.target?.id === "detail";
  // What stands there has the note in it that was refused: an error must not take its place.
  ctx.swap = "none";
  if (status === 401) return sayLoggedOut(acts);
  const text = inWords(status, why, acts);
  if (another) return empty(ctx.target, text);
  say(text, { read: !acts });
}

/** @param {boolean} acts */
function sayLoggedOut(acts) {
  const href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
  say((acts ? words.notLoggedIn : words.loggedOut) ?? "", { read: !acts, link: { href, text: words.logIn ?? "" } });
}

/**
 * Another alert was chosen and did not come: nobody must take the one still shown for it.
 * @param {Element} panel
 * @param {string} text
 */
function empty(panel, text) {
  const said = document.createElement("div");
  said.className = "empty";
  said.setAttribute("role", "alert");
  said.append(document.createElement("strong"));
  said.firstElementChild?.append(text);
  panel.replaceChildren(said);
}

/** @type {HTMLFormElement | null} a form that is sent although the browser believes that there is no line */
let going = null;

/**
 * A form that is sent without a line ends on the browser's own page, and takes what was typed in along.
 * Of the machine that serves itself the browser is wrong to say so: what counts is who answers.
 * @param {SubmitEvent} event
 */
function tryFirst(event) {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (navigator.onLine || form === going || form.hasAttribute("hx-post")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const submitter = event.submitter;
  fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE) }).then(
    () => {
      going = form;
      form.requestSubmit(submitter);
      going = null;
    },
    () => say(words.unsent ?? ""),
  );
}

/** Begin, and go on while the page is open. */
export function keepExplaining() {
  document.addEventListener("htmx:error", explain);
  document.addEventListener("htmx:response:error", explain);
  document.addEventListener("submit", tryFirst, { capture: true });
}
