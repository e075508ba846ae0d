/** An alert can never wait unseen: count the unacknowledged rows outside the visible part. */

export class UnseenRows {
  /** @type {Set<HTMLElement>} */
  #outside = new Set();
  #observer;
  #button;

  /**
   * @param {HTMLButtonElement} button says how many; pressing it brings the worst into view
   * @param {Element | null} scroller the box that scrolls, null for the page
   */
  constructor(button, scroller) {
    this.#button = button;
    this.#observer = new IntersectionObserver((entries) => this.#note(entries), {
      root: scroller, threshold: 0.6,
    });
    button.addEventListener("click", () => this.#reveal());
  }

  /** @param {HTMLElement} row */
  watch(row) {
    this.#observer.observe(row);
  }

  /** @param {HTMLElement} row */
  forget(row) {
    this.#observer.unobserve(row);
    this.#outside.delete(row);
  }

  /** Count again; rows may have been acknowledged or removed. */
  update() {
    const waiting = this.#waiting();
    const worst = waiting[0];
    this.#button.hidden = !worst;
    if (!worst) return;
    const severity = Number(worst.dataset.severity);
    this.#button.className = severity === 1 ? "below severity severity-1" : "below";
    const words = this.#button.querySelector(".count");
    if (words) words.textContent = String(waiting.length);
  }

  #waiting() {
    const rows = [...this.#outside].filter((row) => row.dataset.handling === "unacked" && !row.classList.contains("folded"));
    return rows.sort((a, b) => Number(a.dataset.severity) - Number(b.dataset.severity));
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #note(entries) {
    for (const entry of entries) {
      const row = /** @type {HTMLElement} */ (entry.target);
      // A row that has gone is out of sight too, but nobody waits for it.
      if (entry.isIntersecting || !row.isConnected) this.#outside.delete(row);
      else this.#outside.add(row);
    }
    this.update();
  }

  #reveal() {
    const row = this.#waiting()[0];
    row?.scrollIntoView({ block: "center" });
    row?.querySelector("a")?.focus({ preventScroll: true });
  }
}
