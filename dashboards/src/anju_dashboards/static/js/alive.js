/**
 * Says every few seconds that this wall is alive, so that the server knows who can see alarms.
 * It says so only while it can be seen and hears the server: a frozen or hidden page does not.
 */

const EVERY = 5000;

export class Alive {
  #live = false;
  #body = document.body.dataset;

  /** Begin, and go on while the page is open. */
  start() {
    document.addEventListener("anju:live", (event) => {
      this.#live = /** @type {CustomEvent} */ (event).detail.state === "live";
      void this.#say();
    });
    document.addEventListener("visibilitychange", () => void this.#say());
    setInterval(() => void this.#say(), EVERY);
  }

  async #say() {
    if (!this.#live || document.hidden) return;
    const siren = /** @type {HTMLElement | null} */ (document.querySelector("siren-button"));
    const sounds = siren?.dataset.state !== "blocked";
    try {
      await fetch(`/api/v1/screens/${this.#body.tab}`, {
        method: "PUT",
        headers: { "Content-Type": "application/json", "X-CSRF-Token": this.#body.csrf ?? "" },
        body: JSON.stringify({ post: this.#body.screen, sounds }),
      });
    } catch {
      // A server that is away misses the sign of life, as it should.
    }
  }
}
