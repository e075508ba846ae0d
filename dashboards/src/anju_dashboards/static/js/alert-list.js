/**
 * The open alerts: P1 first, newest first. A row is drawn by the server, always with the same
 * template; here it is put in its place, changed in place, or taken away.
 */

/** @param {Element} row @returns {[number, number]} */
function rank(row) {
  const { severity, raised } = /** @type {HTMLElement} */ (row).dataset;
  return [Number(severity), -Number(raised)];
}

/** @param {Element} a @param {Element} b */
function before(a, b) {
  const [severityA, raisedA] = rank(a);
  const [severityB, raisedB] = rank(b);
  return severityA - severityB || raisedA - raisedB;
}

/**
 * The next row that is to be seen: what is folded away takes no focus.
 * @param {Element} row
 * @param {"nextElementSibling" | "previousElementSibling"} way
 */
function nearest(row, way) {
  let next = row[way];
  while (next?.classList.contains("folded")) next = next[way];
  return next;
}

/**
 * Change a row in place: the link keeps focus and selection, only its contents are replaced.
 * @param {HTMLElement} row
 * @param {HTMLElement} fresh
 */
function renew(row, fresh) {
  for (const { name, value } of fresh.attributes) {
    if (row.getAttribute(name) !== value) row.setAttribute(name, value);
  }
  row.querySelector("a")?.replaceChildren(...(fresh.querySelector("a")?.childNodes ?? []));
}

/**
 * Read a row out of the stream.
 * @param {string} html one `<li>`
 * @returns {HTMLElement}
 */
export function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html.trim();
  return /** @type {HTMLElement} */ (template.content.firstElementChild);
}

export class AlertList {
  #list;
  #gone;

  /**
   * @param {HTMLElement} list the `<ol>`
   * @param {(row: HTMLElement) => void} gone is told of every row that has left the list
   */
  constructor(list, gone) {
    this.#list = list;
    this.#gone = gone;
  }

  /** @returns {HTMLElement[]} the rows, in order */
  get rows() {
    return /** @type {HTMLElement[]} */ ([...this.#list.children]);
  }

  /** @param {string} id @returns {HTMLElement | null} */
  row(id) {
    return document.getElementById(`alert-${id}`);
  }

  /**
   * Show an alert as the server has just drawn it.
   * @param {HTMLElement} fresh
   * @returns {HTMLElement | null} the row, null when the alert is closed and gone
   */
  show(fresh) {
    const present = this.row(fresh.dataset.id ?? "");
    if (present && Number(present.dataset.version) > Number(fresh.dataset.version)) return present;
    if (fresh.dataset.handling === "closed") {
      if (present) this.remove(present);
      return null;
    }
    if (!present) {
      this.#place(fresh);
      return fresh;
    }
    const moved = rank(present).join() !== rank(fresh).join();
    renew(present, fresh);
    if (moved) this.#replace(present);
    return present;
  }

  /** @param {HTMLElement} row */
  remove(row) {
    const hadFocus = row.contains(document.activeElement);
    const next = nearest(row, "nextElementSibling") ?? nearest(row, "previousElementSibling");
    row.remove();
    this.#gone(row);
    // whoever closed it with the keyboard goes on from where it was
    if (hadFocus) (next?.querySelector("a") ?? document.getElementById("main"))?.focus({ preventScroll: true });
  }

  /** @param {HTMLElement} row */
  #place(row) {
    const rows = this.#list.children;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (before(rows[middle], row) <= 0) low = middle + 1;
      else high = middle;
    }
    const next = rows[low] ?? null;
    const anchor = this.#anchor();
    this.#list.insertBefore(row, next);
    this.#keep(anchor);
  }

  /** @param {HTMLElement} row */
  #replace(row) {
    const focused = row.contains(document.activeElement);
    row.remove();
    this.#place(row);
    if (focused) row.querySelector("a")?.focus({ preventScroll: true });
  }

  /** The row at the upper edge, which must not jump when something comes in above it. */
  #anchor() {
    const box = this.#list.parentElement;
    if (!box || box.scrollTop < 8) return null;
    const edge = box.getBoundingClientRect().top;
    const row = this.rows.find((each) => each.getBoundingClientRect().bottom > edge);
    return row ? { box, row, top: row.getBoundingClientRect().top } : null;
  }

  /** @param {{box: HTMLElement, row: HTMLElement, top: number} | null} anchor */
  #keep(anchor) {
    if (anchor) anchor.box.scrollTop += anchor.row.getBoundingClientRect().top - anchor.top;
  }
}
