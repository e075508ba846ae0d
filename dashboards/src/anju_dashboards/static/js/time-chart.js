/**
 * `<time-chart data-url data-start data-end data-mark data-empty data-failed data-reset>`: one
 * field over time. Dragging zooms in and asks for finer points; double click goes back.
 * Times are epoch milliseconds; `data-mark` draws a line where the alert was raised.
 */
import uPlot from "../vendor/uplot-1.6.32/uPlot.esm.js";
import { serverNow, siteZone } from "./site-time.js";

const HEIGHT = 124;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** @typedef {{times: number[], values: number[], unit: string, kind: string, options: string[]}} Series */

/** @param {string} name of a CSS variable */
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const write = uPlot.fmtDate("{YYYY}-{MM}-{DD} {HH}:{mm}:{ss}");

/** @param {number} seconds */
function onSite(seconds) {
  return uPlot.tzDate(new Date(seconds * 1000), siteZone());
}

/** @param {number} span in ms @returns {(seconds: number) => string} what a tick of the time axis says */
function tickWriter(span) {
  const form = uPlot.fmtDate(span > 2 * DAY ? "{MM}-{DD}" : span > HOUR / 4 ? "{HH}:{mm}" : "{HH}:{mm}:{ss}");
  return (seconds) => form(onSite(seconds));
}

/** @param {number} seconds @returns {string} date and time on the site */
function moment(seconds) {
  return write(onSite(seconds));
}

class TimeChart extends HTMLElement {
  /** @type {any} */
  #plot = null;
  /** @type {string} */
  #shown = "";

  static observedAttributes = ["data-url", "data-start", "data-end"];

  connectedCallback() {
    new ResizeObserver(() => this.#resize()).observe(this);
    void this.#show(Number(this.dataset.start), Number(this.dataset.end));
  }

  disconnectedCallback() {
    this.#plot?.destroy();
    this.#plot = null;
    this.#shown = "";
  }

  attributeChangedCallback() {
    if (this.isConnected && this.#shown) void this.#show(Number(this.dataset.start), Number(this.dataset.end));
  }

  /**
   * @param {number} start
   * @param {number} end
   */
  async #show(start, end) {
    const wanted = `${this.dataset.url} ${start} ${end}`;
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    const series = await this.#load(start, end);
    if (!series || this.#shown !== wanted) return;
    this.#draw(series, start, end);
  }

  /**
   * @param {number} start
   * @param {number} end
   * @returns {Promise<Series | null>}
   */
  async #load(start, end) {
    const query = new URLSearchParams({
      start: new Date(start).toISOString(),
      end: new Date(end).toISOString(),
      points: String(Math.max(100, Math.round(this.clientWidth))),
    });
    try {
      const answer = await fetch(`${this.dataset.url}&${query}`);
      if (answer.ok) return await answer.json();
    } catch {
      // Told below, like any other failure.
    }
    this.#say(this.dataset.failed ?? "");
    return null;
  }

  /** @param {string} text */
  #say(text) {
    this.#plot?.destroy();
    this.#plot = null;
    const words = document.createElement("p");
    words.className = "chart-note muted";
    words.textContent = text;
    this.replaceChildren(words);
  }

  /**
   * @param {Series} series
   * @param {number} start
   * @param {number} end
   */
  #draw(series, start, end) {
    if (!series.times.length) return this.#say(this.dataset.empty ?? "");
    const times = series.times.map((time) => time / 1000);
    const values = [...series.values];
    const last = Math.min(end, serverNow()) / 1000;
    // A state holds until the next one, so its line goes on to now.
    if (series.kind !== "number" && times[times.length - 1] < last) {
      times.push(last);
      values.push(values[values.length - 1]);
    }
    this.#plot?.destroy();
    this.replaceChildren();
    this.#plot = new uPlot(this.#options(series, start, end), [times, values], this);
  }

  /**
   * @param {Series} series
   * @param {number} start
   * @param {number} end
   */
  #options(series, start, end) {
    const ink = colour("--muted");
    const stepped = series.kind !== "number";
    const axis = { stroke: ink, grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    /** @param {number | null} value */
    const word = (value) => (value === null || value === undefined ? "–" : this.#word(series, value));
    return {
      width: this.clientWidth, height: HEIGHT, legend: { show: true, live: true },
      tzDate: onSite,
      cursor: { drag: { x: true, y: false, setScale: false } },
      scales: { x: { min: start / 1000, max: end / 1000 }, y: stepped ? { range: this.#stepRange(series) } : {} },
      axes: [
        { ...axis, size: 30, space: 90, values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks.map(tickWriter(end - start)) },
        { ...axis, size: 64, space: stepped ? 16 : 28, splits: stepped ? this.#steps(series) : undefined,
          values: (/** @type {any} */ _, /** @type {number[]} */ ticks) => ticks.map(word) },
      ],
      series: [
        { label: this.dataset.time, value: (/** @type {any} */ _, /** @type {number | null} */ at) => at === null ? "–" : moment(at) },
        { label: this.dataset.label, stroke: colour("--select"), width: 2, points: { show: series.times.length < 30 },
          paths: stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
          value: (/** @type {any} */ _, /** @type {number | null} */ value) => word(value) },
      ],
      hooks: {
        setSelect: [(/** @type {any} */ plot) => this.#zoom(plot)],
        draw: [(/** @type {any} */ plot) => this.#mark(plot)],
        ready: [(/** @type {any} */ plot) => plot.over.addEventListener("dblclick", () =>
          void this.#show(Number(this.dataset.start), Number(this.dataset.end)))],
      },
    };
  }

  /** @param {Series} series @returns {[number, number]} */
  #stepRange(series) {
    return [-0.2, Math.max(1, series.options.length - 1) + 0.2];
  }

  /** @param {Series} series */
  #steps(series) {
    const count = Math.max(2, series.options.length);
    return () => Array.from({ length: count }, (_, index) => index);
  }

  /**
   * @param {Series} series
   * @param {number} value
   */
  #word(series, value) {
    if (series.kind === "boolean") return (value ? this.dataset.yes : this.dataset.no) ?? String(value);
    if (series.kind === "choice") return series.options[value] ?? "";
    return `${Number(value.toPrecision(6))}${series.unit ? ` ${series.unit}` : ""}`;
  }

  /** @param {any} plot */
  #zoom(plot) {
    if (plot.select.width < 8) return;
    const start = plot.posToVal(plot.select.left, "x") * 1000;
    const end = plot.posToVal(plot.select.left + plot.select.width, "x") * 1000;
    void this.#show(Math.round(start), Math.round(end));
  }

  /** @param {any} plot */
  #mark(plot) {
    if (!this.dataset.mark) return;
    const x = plot.valToPos(Number(this.dataset.mark) / 1000, "x", true);
    if (x < plot.bbox.left || x > plot.bbox.left + plot.bbox.width) return;
    plot.ctx.save();
    plot.ctx.strokeStyle = colour("--ink");
    plot.ctx.setLineDash([4, 4]);
    plot.ctx.lineWidth = 1.5;
    plot.ctx.beginPath();
    plot.ctx.moveTo(x, plot.bbox.top);
    plot.ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
    plot.ctx.stroke();
    plot.ctx.restore();
  }

  #resize() {
    if (this.#plot && this.clientWidth) this.#plot.setSize({ width: this.clientWidth, height: HEIGHT });
  }
}

customElements.define("time-chart", TimeChart);
