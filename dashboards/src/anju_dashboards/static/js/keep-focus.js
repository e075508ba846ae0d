/**
 * Whoever works with the keyboard goes on where they were. What they pressed is busy meanwhile (and
 * so loses the focus), is drawn anew, or has gone with the state it belonged to.
 */

/** Where to go on in an alert when what was pressed has gone, the first that is there. */
const NEXT = ["#detail .actions .done", "#detail-title a", "#detail-title"];

/** @param {Element | null} element */
function isLost(element) {
  return !element || element === document.body;
}

/** @param {Element | null} element */
function take(element) {
  if (!(element instanceof HTMLElement) || !element.isConnected || !element.checkVisibility()) return false;
  if (element.matches(".done, h1, h2")) element.tabIndex = -1;
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
  /** @type {Element | null} what had the focus when something was asked for */
  let pressed = null;
  /** @type {Element | null} what opened the dialog; it was busy then, so the browser forgot it */
  let opener = null;
  document.addEventListener("htmx:config:request", () => {
    if (!isLost(document.activeElement)) pressed = document.activeElement;
  });
  document.addEventListener("htmx:finally:request", () => {
    const from = pressed;
    pressed = null;
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
