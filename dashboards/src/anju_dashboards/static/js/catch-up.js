/**
 * Takes the whole list of open alerts anew when too much was missed to be told one by one.
 * Until an answer has come that surely is the list, what is shown stays: a row too many is
 * looked at once more, a row too few may cost a life.
 * Tells `anju:behind` {behind} while the list is not to be trusted, and `anju:signed-out`.
 */

const RETRY = 2000;
/** A list that takes longer is said to be missing (ms). */
const PATIENCE = 4000;
/** An answer that takes longer will not come; ask again (ms). */
const GIVE_UP = 20_000;

/**
 * @param {string} name
 * @param {object} [detail]
 */
function tell(name, detail = {}) {
  document.dispatchEvent(new CustomEvent(`anju:${name}`, { detail }));
}

/** @returns {Promise<HTMLElement[] | null>} the rows as the server draws them now, null if it did not give them */
async function fetchRows() {
  try {
    const answer = await fetch(location.href, { signal: AbortSignal.timeout(GIVE_UP) });
    if (answer.redirected && new URL(answer.url).pathname === "/login") tell("signed-out");
    if (answer.redirected || !answer.ok) return null;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const box = page.getElementById("alerts");
    return box && /** @type {HTMLElement[]} */ ([...box.children]);
  } catch {
    return null;
  }
}

export class CatchUp {
  #take;
  #wanted = false;
  #running = false;
  /** @type {Set<string>} */
  #touched = new Set();

  /** @param {(rows: HTMLElement[], newer: Set<string>) => void} take shows the rows, but for the ids in `newer` */
  constructor(take) {
    this.#take = take;
  }

  /**
   * Note that the stream has told of this alert: it is ahead of a list still on its way.
   * @param {string} id
   */
  touch(id) {
    if (this.#running) this.#touched.add(id);
  }

  /** Ask until the list has come. */
  async run() {
    this.#wanted = true;
    if (this.#running) return;
    this.#running = true;
    while (this.#wanted) {
      this.#wanted = false;
      this.#touched.clear();
      const slow = setTimeout(() => tell("behind", { behind: true }), PATIENCE);
      const rows = await fetchRows();
      clearTimeout(slow);
      if (rows) {
        this.#take(rows, this.#touched);
      } else {
        this.#wanted = true;
        tell("behind", { behind: true });
        await new Promise((resolve) => setTimeout(resolve, RETRY));
      }
    }
    this.#running = false;
    this.#touched.clear();
    tell("behind", { behind: false });
  }
}
