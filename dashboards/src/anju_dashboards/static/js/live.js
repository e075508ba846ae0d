/**
 * The page's one stream. What it says is told to the document:
 * `anju:alert` {html}, `anju:counts` {html}, `anju:windows` {html}, `anju:handover` {html}, `anju:heartbeat` {now}, `anju:device` {ref},
 * `anju:reset`, `anju:signed-out`, `anju:live` {state}.
 */
import { learnServerTime } from "./site-time.js";

/** A stream that says nothing this long is dead, whatever the socket believes (ms). */
const SILENCE = 6000;
const RETRY = 1000;

/**
 * @param {string} name
 * @param {object} [detail]
 */
function tell(name, detail = {}) {
  document.dispatchEvent(new CustomEvent(`anju:${name}`, { detail }));
}

/** An EventSource that also comes back after HTTP errors and half-open connections. */
export class Live {
  /** @type {EventSource | null} */
  #source = null;
  #heard = performance.now();
  #opened = performance.now();
  #last;
  #url;

  /**
   * @param {string} url of the stream
   * @param {string} after number of the last change the page already shows
   */
  constructor(url, after) {
    this.#url = url;
    this.#last = after;
  }

  /** Connect, and stay connected. */
  start() {
    this.#open();
    setInterval(() => this.#watch(), RETRY);
    // A suspended machine wakes with a socket that only looks alive.
    document.addEventListener("resume", () => this.#open());
    window.addEventListener("online", () => this.#open());
    window.addEventListener("pagehide", () => this.#source?.close());
    window.addEventListener("pageshow", (event) => event.persisted && this.#open());
  }

  #open() {
    this.#source?.close();
    this.#opened = performance.now();
    const source = new EventSource(`${this.#url}?after=${encodeURIComponent(this.#last)}`);
    this.#source = source;
    for (const name of ["alert", "counts", "windows", "handover", "device"]) {
      source.addEventListener(name, (event) => this.#pass(name, event));
    }
    source.addEventListener("heartbeat", (event) => this.#beat(event));
    source.addEventListener("reset", () => tell("reset"));
    source.addEventListener("signed-out", () => {
      source.close();
      tell("signed-out");
    });
  }

  /**
   * @param {string} name
   * @param {MessageEvent<string>} event
   */
  #pass(name, event) {
    this.#hear(event);
    tell(name, { html: event.data });
  }

  /** @param {MessageEvent<string>} event */
  #beat(event) {
    this.#hear(event);
    const now = Number(event.data);
    learnServerTime(now);
    tell("heartbeat", { now });
  }

  /** @param {MessageEvent<string>} event */
  #hear(event) {
    this.#heard = performance.now();
    if (event.lastEventId) this.#last = event.lastEventId;
  }

  #watch() {
    const now = performance.now();
    const closed = this.#source?.readyState === EventSource.CLOSED;
    const silent = now - this.#heard > SILENCE && now - this.#opened > SILENCE / 2;
    if (closed ? now - this.#opened > RETRY : silent) this.#open();
  }
}
