/** Tells the server what a person could see (`delivered`) and did look at (`seen`). */

const DELAY = 400;

export class Receipts {
  /** @type {Map<string, Set<string>>} */
  #waiting = new Map([["delivered", new Set()], ["seen", new Set()]]);
  /** @type {Map<string, Map<string, string>>} what was told last of each alert: version and step */
  #sent = new Map([["delivered", new Map()], ["seen", new Map()]]);
  /** @type {number | undefined} */
  #timer;
  #screen;
  #csrf;

  /**
   * @param {string} screen which screen this is
   * @param {string} csrf
   */
  constructor(screen, csrf) {
    this.#screen = screen;
    this.#csrf = csrf;
  }

  /**
   * @param {"delivered" | "seen"} kind
   * @param {HTMLElement} row a row; rising, coming again and sending somebody are messages of
   *   their own, and each of them is a new version of the alert; so is each time others are called
   */
  note(kind, row) {
    const { id = "", version = "", step = "" } = row.dataset;
    const told = `${version}.${step}`;
    const sent = /** @type {Map<string, string>} */ (this.#sent.get(kind));
    if (sent.get(id) === told) return;
    sent.set(id, told);
    this.#waiting.get(kind)?.add(id);
    this.#timer ??= setTimeout(() => void this.#send(), DELAY);
  }

  /** @param {HTMLElement} row a row that has left the list */
  forget(row) {
    for (const sent of this.#sent.values()) sent.delete(row.dataset.id ?? "");
  }

  async #send() {
    this.#timer = undefined;
    for (const [kind, ids] of this.#waiting) {
      const alerts = [...ids].slice(0, 500);
      if (!alerts.length) continue;
      // Taken out before they are sent: what is noted of the same alert meanwhile is news.
      alerts.forEach((id) => ids.delete(id));
      if (!(await this.#arrived(kind, alerts))) alerts.forEach((id) => ids.add(id));
      if (ids.size) this.#timer ??= setTimeout(() => void this.#send(), 5000);
    }
  }

  /**
   * @param {string} kind
   * @param {string[]} alerts
   * @returns {Promise<boolean>} false if a server that is away has yet to be told
   */
  async #arrived(kind, alerts) {
    try {
      const answer = await fetch("/api/v1/receipts", {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRF-Token": this.#csrf },
        body: JSON.stringify({ alerts, kind, screen: this.#screen }),
      });
      return answer.status < 500; // a refusal will not change by asking again
    } catch {
      return false;
    }
  }
}
