/**
 * Says every few seconds that this duty desk's wall is alive, so that the server knows who can see
 * alarms. It says so only while it can be seen and hears the server: a frozen or hidden page does
 * not. A page that is left says that too, and is not missed.
 */

import { beforeLogOut } from "./farewell.js";

const EVERY = 5000;
const PATIENCE = 4000;
/** A phone in somebody's pocket is no desk. */
const phone = matchMedia("(max-width: 900px)");

export class Alive {
  #body = document.body.dataset;
  #asking = false;
  #said = -Infinity;

  /** Begin, and go on while the page is open. */
  start() {
    for (const name of ["anju:live", "anju:heartbeat"]) {
      document.addEventListener(name, () => {
        if (performance.now() - this.#said > EVERY) void this.#say();
      });
    }
    setInterval(() => void this.#say(), EVERY);
    document.addEventListener("visibilitychange", () => void (document.hidden ? this.#leave() : this.#say()));
    window.addEventListener("pagehide", () => void this.#leave());
    beforeLogOut(() => this.#leave());
    void this.#say();
  }

  async #say() {
    const light = /** @type {HTMLElement | null} */ (document.querySelector(".live"));
    if (light?.dataset.state !== "live" || document.hidden || phone.matches || this.#asking) return;
    this.#asking = true;
    this.#said = performance.now();
    const siren = /** @type {HTMLElement | null} */ (document.querySelector("siren-button"));
    const sounds = siren?.dataset.state !== "blocked";
    await this.#send("PUT", { post: this.#body.screen, sounds });
    this.#asking = false;
  }

  async #leave() {
    if (this.#said > -Infinity) await this.#send("DELETE");
  }

  /**
   * @param {string} method
   * @param {object} [said]
   */
  async #send(method, said) {
    try {
      await fetch(`/api/v1/screens/${this.#body.desk}`, {
        method,
        headers: { "Content-Type": "application/json", "X-CSRF-Token": this.#body.csrf ?? "" },
        body: said && JSON.stringify(said),
        keepalive: true,
        signal: AbortSignal.timeout(PATIENCE),
      });
    } catch {
      // A server that is away misses the sign of life, as it should.
    }
  }
}
