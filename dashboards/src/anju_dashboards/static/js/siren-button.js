/**
 * `<siren-button data-ready data-sounding data-blocked>`: the P1 sound. It stops when the
 * server says that every loud alert is acknowledged; nothing on this screen silences it.
 * The three texts are its states; `blocked` means the browser has not allowed sound yet.
 */

const TONES = [880, 660];
const BEAT_S = 0.4;

class SirenButton extends HTMLElement {
  /** @type {AudioContext | null} */
  #audio = null;
  #loud = false;
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
    const sounding = state === "sounding";
    if (sounding && this.#timer === undefined) {
      this.#sound();
      this.#timer = setInterval(() => this.#sound(), BEAT_S * 1000 * TONES.length * 1.5);
    } else if (!sounding) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
  }

  #sound() {
    const audio = this.#audio;
    if (!audio) return;
    TONES.forEach((hertz, index) => {
      const start = audio.currentTime + index * BEAT_S;
      const oscillator = new OscillatorNode(audio, { type: "square", frequency: hertz });
      const gain = new GainNode(audio, { gain: 0 });
      // Ramps, because a square wave switched on hard clicks and hurts.
      gain.gain.setValueAtTime(0, start);
      gain.gain.linearRampToValueAtTime(0.22, start + 0.02);
      gain.gain.setValueAtTime(0.22, start + BEAT_S - 0.04);
      gain.gain.linearRampToValueAtTime(0, start + BEAT_S);
      oscillator.connect(gain).connect(audio.destination);
      oscillator.start(start);
      oscillator.stop(start + BEAT_S);
    });
  }
}

customElements.define("siren-button", SirenButton);
