/** Lets this browser ring while no page of ours is open: web push, by its own push service. */
import { bytes, here, sameKey, tell } from "./push-here.js";

class PushButton extends HTMLElement {
  async connectedCallback() {
    this.button = /** @type {HTMLButtonElement} */ (this.querySelector("button"));
    this.button.addEventListener("click", () => this.allow());
    if (!("serviceWorker" in navigator) || !("PushManager" in window)) return this.say("none");
    if (Notification.permission === "denied") return this.say("denied");
    const subscription = await here();
    if (subscription && Notification.permission === "granted" && sameKey(subscription, this.key)) {
      await tell(subscription).then(() => this.say("on"), () => this.say("failed", true));
    } else {
      this.say("off", true);
    }
  }

  get key() {
    return bytes(this.dataset.key ?? "");
  }

  /**
   * @param {"on" | "off" | "denied" | "none" | "failed"} state
   * @param {boolean} [offers] whether the button is there
   */
  say(state, offers = false) {
    this.dataset.state = state;
    const words = this.querySelector(".words");
    if (words) words.textContent = this.dataset[state] ?? "";
    if (this.button) this.button.hidden = !offers;
  }

  async allow() {
    this.button?.setAttribute("disabled", "");
    try {
      if ((await Notification.requestPermission()) !== "granted") return this.say("denied");
      await navigator.serviceWorker.register("/sw.js");
      const registration = await navigator.serviceWorker.ready;
      // one that was made for another key of ours is worth nothing, and stands in the way
      await (await here())?.unsubscribe();
      const wish = { userVisibleOnly: true, applicationServerKey: this.key };
      await tell(await registration.pushManager.subscribe(wish));
      location.reload();
    } catch {
      this.say("failed", true);
    } finally {
      this.button?.removeAttribute("disabled");
    }
  }
}

customElements.define("push-button", PushButton);
