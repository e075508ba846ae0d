/**
 * `<stale-banner data-text="Not live since" data-signed-out="...">`: says that the page is not
 * live: six seconds without a heartbeat, a list known to be behind, or a session that is over.
 */
import { clockTime, serverNow } from "./site-time.js";

const LIMIT = 6000;
const TICK = 1000;
/** A timer this late means the page was frozen or the machine slept (ms). */
const FROZEN = 5000;

class StaleBanner extends HTMLElement {
  /** What the banner says, by the server's clock. */
  #beat = serverNow();
  /** What decides, by one that no corrected or wrong clock of this machine can turn back. */
  #heard = performance.now();
  #ticked = Date.now();
  #awaited = false;
  #behind = false;
  #signedOut = false;

  connectedCallback() {
    this.setAttribute("role", "alert");
    this.hidden = true;
    document.addEventListener("anju:heartbeat", (event) => {
      // A stream may beat on while the list is behind; the banner keeps the time it stopped.
      if (!this.#behind && !this.#signedOut) this.#beat = /** @type {CustomEvent} */ (event).detail.now;
      this.#heard = performance.now();
      this.#awaited = false;
      this.#draw();
    });
    document.addEventListener("anju:signed-out", () => {
      this.#signedOut = true;
      this.#draw();
    });
    document.addEventListener("anju:behind", (event) => {
      this.#behind = /** @type {CustomEvent} */ (event).detail.behind;
      this.#draw();
    });
    setInterval(() => this.#tick(), TICK);
  }

  #tick() {
    const now = Date.now();
    if (now - this.#ticked > FROZEN) this.#awaited = true;
    this.#ticked = now;
    this.#draw();
  }

  #draw() {
    const known = this.#awaited || this.#behind || this.#signedOut;
    const stale = known || performance.now() - this.#heard > LIMIT;
    if (stale) {
      const words = this.#signedOut ? this.dataset.signedOut : this.dataset.text;
      const text = `${words} ${clockTime(this.#beat)}`;
      if (this.textContent !== text) this.textContent = text;
    }
    if (stale === !this.hidden) return;
    this.hidden = !stale;
    document.dispatchEvent(
      new CustomEvent("anju:live", { detail: { state: stale ? "stale" : "live" } }),
    );
  }
}

customElements.define("stale-banner", StaleBanner);
