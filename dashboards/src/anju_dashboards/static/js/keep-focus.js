/**
 * Whoever works with the keyboard goes on where they were. What they pressed is busy meanwhile (and
 * so loses the focus), is drawn anew, or has gone with the state it belonged to.
 */

/** Where to go on in an alert when what was pressed has gone, the first that is there. */
const NEXT = ["#detail .actions .done", "#detail-title a", "#detail-title"];

/**
 * A dialog that was closed keeps the focus for a moment, unseen.
 * @param {Element | null} element
 */
function isLost(element) {
  return !element || element === document.body || !element.checkVisibility();
}

/** @param {Element | null} element */
function take(element) {
  if (!(element instanceof HTMLElement) || !element.isConnected || !element.checkVisibility()) return false;
  if (element.matches("h1, h2")) element.tabIndex = -1;
  element.focus({ preventScroll: true });
  return document.activeElement === element;
}

/** @param {Element | null} from what was pressed */
function goOn(from) {
  if (isLost(document.activeElement)) take(from) || NEXT.some((each) => take(document.querySelector(each)));
}

/** Begin, and go on while the page is open. */
export function keepFocus() {
  const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById("ask"));
  /** @type {WeakMap<object, Element>} what had the focus when something was asked for, by request */
  const pressed = new WeakMap();
  /** @type {Element | null} what opened the dialog; it was busy then, so the browser forgot it */
  let opener = null;
  document.addEventListener("htmx:config:request", (event) => {
    if (document.activeElement && !isLost(document.activeElement)) pressed.set(/** @type {CustomEvent} */ (event).detail.ctx, document.activeElement);
  });
  document.addEventListener("htmx:finally:request", (event) => {
    const from = pressed.get(/** @type {CustomEvent} */ (event).detail.ctx);
    if (!from) return;
    if (dialog?.open && !dialog.contains(from)) opener = from;
    // htmx lets what was busy be pressed again right after this
    setTimeout(() => goOn(from));
  });
  dialog?.addEventListener("close", () => {
    const from = opener;
    opener = null;
    setTimeout(() => goOn(from));
  });
}
