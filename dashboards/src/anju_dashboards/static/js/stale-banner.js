/**
 * `<stale-banner data-text="Not live since" data-signed-out="...">`: says that the page is not
 * live. It trusts heartbeats alone: six seconds without one and the screen says so itself.
 */
import { clockTime, serverNow } from "./site-time.js";

const LIMIT = 6000;
const TICK = 1000;
/** A timer this late means the page was frozen or the machine slept (ms). */
const FROZEN = 5000;

class StaleBanner extends HTMLElement {
  #beat = serverNow();
  #ticked = Date.now();
  #awaited = false;
  #signedOut = false;

  connectedCallback() {
    this.setAttribute("role", "alert");
    this.hidden = true;
    document.addEventListener("anju:heartbeat", (event) => {
      this.#beat = /** @type {CustomEvent} */ (event).detail.now;
      this.#awaited = false;
      this.#draw();
    });
    document.addEventListener("anju:signed-out", () => {
      this.#signedOut = true;
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
    const stale = this.#awaited || this.#signedOut || serverNow() - this.#beat > LIMIT;
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
