/**
 * Lesser alerts of one place and minute are one row that opens: what came together is read
 * together. What is urgent (P1, P2) is never folded away; a fold says how many nobody has.
 */

const WITHIN_MS = 60_000;
const LEAST = 3;

/** @param {HTMLElement} one @param {HTMLElement} other */
function cameTogether(one, other) {
  return one.dataset.place === other.dataset.place
    && Math.abs(Number(one.dataset.raised) - Number(other.dataset.raised)) <= WITHIN_MS;
}

export class Folding {
  #words;
  /** @type {Set<string>} the rows that a person opened, by id */
  #opened = new Set();

  /** @param {string} words what a fold says, with `{n}` for how many */
  constructor(words) {
    this.#words = words;
  }

  /**
   * Fold rows, the worst and newest first, under the first of their place and minute.
   * @param {HTMLElement[]} rows
   */
  fold(rows) {
    /** @type {Map<string, HTMLElement[]>} */
    const first = new Map();
    /** @type {Map<HTMLElement, HTMLElement[]>} */
    const under = new Map();
    for (const row of rows) {
      const { place = "", severity } = row.dataset;
      const leads = first.get(place) ?? [];
      const lead = leads.find((each) => cameTogether(each, row));
      if (place && lead && Number(severity) >= LEAST) under.set(lead, [...(under.get(lead) ?? []), row]);
      else first.set(place, [...leads, row]);
    }
    const folded = new Set();
    for (const [lead, rest] of under) {
      if (!this.#opened.has(lead.dataset.id ?? "")) rest.forEach((row) => folded.add(row));
    }
    for (const row of rows) {
      row.classList.toggle("folded", folded.has(row));
      this.#say(row, under.get(row) ?? []);
    }
  }

  /** Open what a row is folded under. @param {HTMLElement} row @param {HTMLElement[]} rows */
  reveal(row, rows) {
    if (!row.classList.contains("folded")) return;
    const near = rows.find((each) => !each.classList.contains("folded") && cameTogether(each, row));
    if (near) this.#opened.add(near.dataset.id ?? "");
    this.fold(rows);
  }

  /** @param {HTMLElement} row @param {HTMLElement[]} rest */
  #say(row, rest) {
    let button = /** @type {HTMLButtonElement | null} */ (row.querySelector(":scope > .fold"));
    if (!rest.length) return button?.remove();
    if (!button) {
      button = document.createElement("button");
      button.type = "button";
      button.className = "fold";
      button.addEventListener("click", () => this.#turn(row));
      row.append(button);
    }
    const open = this.#opened.has(row.dataset.id ?? "");
    const waiting = rest.filter((each) => each.dataset.handling === "unacked").length;
    const words = this.#words.replace("{n}", String(rest.length)).replace("{waiting}", String(waiting));
    if (button.textContent !== words) button.textContent = words;
    button.setAttribute("aria-expanded", String(open));
  }

  /** @param {HTMLElement} row */
  #turn(row) {
    const id = row.dataset.id ?? "";
    if (!this.#opened.delete(id)) this.#opened.add(id);
    row.dispatchEvent(new CustomEvent("anju:fold", { bubbles: true }));
  }
}
