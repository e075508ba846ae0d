/** Lets this browser ring while no page of ours is open: web push, by its own push service. */

/** @param {string} words base64 for URLs */
function bytes(words) {
  const plain = atob(words.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

/** @param {PushSubscription} subscription */
async function tell(subscription) {
  const answer = await fetch("/api/v1/me/push", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": document.body.dataset.csrf ?? "" },
    body: JSON.stringify(subscription),
  });
  if (!answer.ok) throw new Error(String(answer.status));
}

class PushButton extends HTMLElement {
  async connectedCallback() {
    this.button = /** @type {HTMLButtonElement} */ (this.querySelector("button"));
    this.button.addEventListener("click", () => this.allow());
    if (!("serviceWorker" in navigator) || !("PushManager" in window)) return this.say("none");
    if (Notification.permission === "denied") return this.say("denied");
    const registration = await navigator.serviceWorker.getRegistration("/");
    const subscription = await registration?.pushManager.getSubscription();
    if (subscription && Notification.permission === "granted") {
      // whoever is logged in now is told here; the server forgets whoever was before
      await tell(subscription).then(() => this.say("on"), () => this.say("failed", true));
    } else {
      this.say("off", true);
    }
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
      const key = bytes(this.dataset.key ?? "");
      await tell(await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: key }));
      location.reload();
    } catch {
      this.say("failed", true);
    } finally {
      this.button?.removeAttribute("disabled");
    }
  }
}

customElements.define("push-button", PushButton);
