/**
 * `<siren-button data-ready data-sounding data-blocked>`: the P1 sound. It stops when the
 * server says that every loud alert is acknowledged; nothing on this screen silences it.
 * The three texts are its states; `blocked` means the browser has not allowed sound yet.
 * A screen that is not live would be silent whatever happens: that is heard too, quietly.
 */

const BEAT_S = 0.4;
const ALARM = { tones: [880, 660], every: 1200, gain: 0.22 };
const NOT_LIVE = { tones: [440, 330], every: 15_000, gain: 0.1 };

class SirenButton extends HTMLElement {
  /** @type {AudioContext | null} */
  #audio = null;
  #loud = false;
  #live = true;
  /** @type {typeof ALARM | null} what sounds at present */
  #sounding = null;
  /** @type {number | undefined} */
  #timer;

  connectedCallback() {
    this.querySelector("button")?.addEventListener("click", () => void this.#enable());
    // Any gesture counts for the browser, so the first key or click on the wall enables it.
    for (const gesture of ["pointerdown", "keydown"]) {
      document.addEventListener(gesture, () => void this.#enable(), { passive: true });
    }
    document.addEventListener("anju:loud", (event) => {
      this.#loud = /** @type {CustomEvent} */ (event).detail.loud;
      this.#update();
    });
    document.addEventListener("anju:live", (event) => {
      this.#live = /** @type {CustomEvent} */ (event).detail.state === "live";
      this.#update();
    });
    this.#audio = new AudioContext();
    this.#audio.addEventListener("statechange", () => this.#update());
    this.#update();
  }

  async #enable() {
    if (!this.#audio || this.#audio.state === "running") return;
    try {
      await this.#audio.resume();
    } catch {
      // The state stays "suspended", and the button goes on saying that sound is off.
    }
    this.#update();
  }

  #update() {
    const allowed = this.#audio?.state === "running";
    const state = allowed ? (this.#loud ? "sounding" : "ready") : "blocked";
    if (this.dataset.state !== state) {
      this.dataset.state = state;
      const word = this.querySelector(".word");
      if (word) word.textContent = this.dataset[`${state}Text`] ?? "";
      const icon = state === "blocked" ? "volume-off" : "volume";
      this.querySelector("use")?.setAttribute("href", `${this.dataset.icons}#${icon}`);
    }
    this.#sound(allowed ? (this.#loud ? ALARM : this.#live ? null : NOT_LIVE) : null);
  }

  /** @param {typeof ALARM | null} what */
  #sound(what) {
    if (what === this.#sounding) return;
    this.#sounding = what;
    clearInterval(this.#timer);
    if (!what) return;
    this.#play(what);
    this.#timer = setInterval(() => this.#play(what), what.every);
  }

  /** @param {typeof ALARM} what */
  #play(what) {
    const audio = this.#audio;
    if (!audio) return;
    what.tones.forEach((hertz, index) => {
      const start = audio.currentTime + index * BEAT_S;
      const oscillator = new OscillatorNode(audio, { type: "square", frequency: hertz });
      const gain = new GainNode(audio, { gain: 0 });
      // Ramps, because a square wave switched on hard clicks and hurts.
      gain.gain.setValueAtTime(0, start);
      gain.gain.linearRampToValueAtTime(what.gain, start + 0.02);
      gain.gain.setValueAtTime(what.gain, start + BEAT_S - 0.04);
      gain.gain.linearRampToValueAtTime(0, start + BEAT_S);
      oscillator.connect(gain).connect(audio.destination);
      oscillator.start(start);
      oscillator.stop(start + BEAT_S);
    });
  }
}

customElements.define("siren-button", SirenButton);
