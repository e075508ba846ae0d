/**
 * `<site-map data-plan="/api/v1/plan" data-icons data-lang>`: the site plan with its devices as
 * dots and the open alerts as numbered spots. Alerts come from the list's own rows (event
 * `anju:alerts`), so plan and list cannot disagree. Picking a spot tells `anju:select` {id};
 * picking a device tells `anju:device-picked` {slug}.
 */
import { L, RETRY, loadPlan, openPlan } from "./plan-map.js";
import { point } from "./plan-shapes.js";

const REFRESH = 60_000;
const LABELS = 5;
const DOTS = {
  ok: { stroke: false, fillColor: "#3fbf8a", fillOpacity: 0.9 },
  silent: { color: "#e8eef4", weight: 2, fillOpacity: 0 },
  flat: { stroke: false, fillColor: "#8fa1b3", fillOpacity: 1 },
  unknown: { color: "#8fa1b3", weight: 2, dashArray: "2 3", fillOpacity: 0 },
};

/** @typedef {{slug: string, model: string, name: string, name_en: string, place: string, place_en: string, x: number, y: number, status: string}} PlanDevice */
/** @typedef {{x: number, y: number, rows: HTMLElement[]}} Spot */

/** @param {string} text */
function escaped(text) {
  const element = document.createElement("i");
  element.textContent = text;
  return element.innerHTML;
}

class SiteMap extends HTMLElement {
  /** @type {any} */ #map;
  /** @type {any} */ #devices;
  /** @type {any} */ #cameras;
  /** @type {any} */ #spots;
  /** @type {Map<string, any>} */ #markers = new Map();
  #drawn = "";
  #english = this.dataset.lang === "en";

  connectedCallback() {
    void this.#start();
    document.addEventListener("anju:alerts", (event) => {
      const { rows, selected } = /** @type {CustomEvent} */ (event).detail;
      this.#alerts = { rows, selected };
      this.#drawSpots();
    });
  }

  /** @type {{rows: HTMLElement[], selected: string}} */
  #alerts = { rows: [], selected: "" };

  async #start() {
    const plan = await loadPlan(this);
    if (!plan) {
      setTimeout(() => void this.#start(), RETRY);
      return;
    }
    this.#build(plan);
    this.#drawDevices(plan.devices);
    this.#drawSpots();
    setInterval(() => void this.#refresh(), REFRESH);
    document.addEventListener("anju:device", () => this.#refreshSoon());
  }

  /** @param {any} plan */
  #build(plan) {
    const renderer = L.canvas({ padding: 0.3, tolerance: 6 });
    const { map, bounds } = openPlan(this, plan, { minZoom: -3, renderer });
    this.#map = map;
    const fit = () => {
      this.#map.invalidateSize({ pan: false });
      this.#map.fitBounds(bounds, { padding: [12, 12], animate: false });
      this.#arrangeLabels();
    };
    this.#map.on("zoomend", () => this.#sizeDots());
    this.#map.on("moveend", () => this.#arrangeLabels());
    this.#devices = L.layerGroup().addTo(this.#map);
    this.#cameras = L.layerGroup().addTo(this.#map);
    this.#spots = L.layerGroup().addTo(this.#map);
    new ResizeObserver(fit).observe(this);
  }

  #refreshing = 0;
  #refreshSoon() {
    this.#refreshing ||= setTimeout(() => {
      this.#refreshing = 0;
      void this.#refresh();
    }, 2000);
  }

  async #refresh() {
    const plan = await loadPlan(this);
    if (plan) this.#drawDevices(plan.devices);
  }

  /** @param {PlanDevice[]} devices */
  #drawDevices(devices) {
    const known = new Set(devices.map((device) => device.slug));
    for (const [slug, { marker }] of this.#markers) {
      if (known.has(slug)) continue;
      this.#erase(marker);
      this.#markers.delete(slug);
    }
    for (const device of devices) {
      const old = this.#markers.get(device.slug);
      if (old?.is === `${device.status} ${device.x} ${device.y}`) continue;
      if (old) this.#erase(old.marker);
      const marker = device.model === "camera" ? this.#camera(device) : this.#dot(device);
      const name = this.#english ? device.name_en : device.name;
      const place = this.#english ? device.place_en : device.place;
      marker.bindTooltip(`${escaped(name)} · ${escaped(place)}`, { direction: "top" });
      marker.on("click", () => this.#tell("device-picked", { slug: device.slug }));
      marker.on("keypress", (/** @type {any} */ event) => {
        if (event.originalEvent.key === "Enter") this.#tell("device-picked", { slug: device.slug });
      });
      marker.addTo(device.model === "camera" ? this.#cameras : this.#devices);
      this.#markers.set(device.slug, { marker, is: `${device.status} ${device.x} ${device.y}` });
    }
  }

  /** Out of its group, which would otherwise keep it for ever. */
  #erase(/** @type {any} */ marker) {
    this.#devices.removeLayer(marker);
    this.#cameras.removeLayer(marker);
  }

  /** @param {PlanDevice} device */
  #dot(device) {
    const style = DOTS[/** @type {keyof typeof DOTS} */ (device.status)] ?? DOTS.unknown;
    return L.circleMarker(point(device.x, device.y), { ...style, radius: this.#radius() });
  }

  /** About a metre on the plan, so that dots neither merge on a phone nor vanish on a wall. */
  #radius() {
    return Math.min(7, Math.max(1.6, 0.85 * 2 ** this.#map.getZoom()));
  }

  #sizeDots() {
    const radius = this.#radius();
    this.#devices?.eachLayer((/** @type {any} */ dot) => dot.setRadius(radius));
  }

  /** Move labels back inside the plan; where two would overlap, the less urgent one is hidden. */
  #arrangeLabels() {
    const box = this.getBoundingClientRect();
    /** @type {DOMRect[]} */
    const taken = [];
    for (const words of this.querySelectorAll(".words, .plan-label.gate")) {
      const label = /** @type {HTMLElement} */ (words);
      label.style.translate = "";
      const { left, right } = label.getBoundingClientRect();
      const shift = Math.max(box.left + 6 - left, 0) - Math.max(right - box.right + 6, 0);
      if (shift) label.style.translate = `${shift}px 0`;
    }
    const labels = [...this.querySelectorAll(".words")];
    labels.sort((a, b) => Number(Boolean(b.closest(".selected"))) - Number(Boolean(a.closest(".selected"))));
    for (const label of labels) {
      const rect = label.getBoundingClientRect();
      const free = taken.every((other) => rect.right < other.left || rect.left > other.right
        || rect.bottom < other.top || rect.top > other.bottom);
      /** @type {HTMLElement} */ (label).style.visibility = free ? "" : "hidden";
      if (free) taken.push(rect);
    }
  }

  /** @param {PlanDevice} device */
  #camera(device) {
    const off = device.status === "ok" ? "" : " off";
    const html = `<div class="camera${off}">${this.#icon(off ? "video-off" : "video")}</div>`;
    return this.#named(
      L.marker(point(device.x, device.y), { icon: L.divIcon({ className: "", html, iconSize: [24, 24] }) }),
      this.#english ? device.name_en : device.name,
    );
  }

  /** Give a marker's element its name: Leaflet does that for pictures only. */
  #named(/** @type {any} */ marker, /** @type {string} */ name) {
    return marker.on("add", () => marker.getElement()?.setAttribute("aria-label", name));
  }

  #drawSpots() {
    if (!this.#spots) return;
    const spots = this.#group();
    // Drawing again restarts the pulse and loses focus: only when something shown has changed.
    const present = spots.map((spot) => Object.values(this.#html(spot)).join() + spot.x + spot.y).join();
    if (present === this.#drawn) return;
    this.#drawn = present;
    this.#spots.clearLayers();
    let labels = 0;
    for (const spot of spots) {
      const { html, classes, name } = this.#html(spot, labels < LABELS);
      labels += 1;
      const icon = L.divIcon({ className: "", html: `<div class="${classes}">${html}</div>`, iconSize: [30, 30] });
      const marker = L.marker(point(spot.x, spot.y), { icon, zIndexOffset: this.#height(spot) });
      const pick = () => this.#tell("select", { id: spot.rows[0].dataset.id });
      this.#named(marker, name).on("click", pick);
      marker.on("keypress", (/** @type {any} */ event) => event.originalEvent.key === "Enter" && pick());
      marker.addTo(this.#spots);
    }
    this.#arrangeLabels();
  }

  /**
   * Leaflet stacks markers by how low they stand, a few thousand pixels at most; a life must
   * not lie under a flat battery.
   * @param {Spot} spot
   */
  #height({ rows }) {
    const unacked = rows.some((row) => row.dataset.handling === "unacked");
    return 20_000 * (5 - Number(rows[0].dataset.severity)) + (unacked ? 10_000 : 0);
  }

  /** @returns {Spot[]} alerts standing on one spot share a marker, the worst first */
  #group() {
    /** @type {Map<string, Spot>} */
    const spots = new Map();
    for (const row of this.#alerts.rows) {
      if (!row.dataset.x || !row.dataset.y) continue;
      const x = Number(row.dataset.x);
      const y = Number(row.dataset.y);
      const key = `${Math.round(x)}:${Math.round(y)}`;
      const spot = spots.get(key) ?? { x, y, rows: [] };
      spot.rows.push(row);
      spots.set(key, spot);
    }
    return [...spots.values()];
  }

  /**
   * @param {Spot} spot
   * @param {boolean} [labelled]
   */
  #html(spot, labelled = true) {
    const { severity, label = "" } = spot.rows[0].dataset;
    const unacked = spot.rows.some((row) => row.dataset.handling === "unacked");
    const selected = spot.rows.some((row) => row.dataset.id === this.#alerts.selected);
    const count = spot.rows.length > 1 ? `×${spot.rows.length}` : "";
    const words = labelled && (unacked || selected) ? `<span class="words">${escaped(label)} ${count}</span>` : "";
    const classes = `spot severity-${severity}${unacked ? " unacked" : ""}${selected ? " selected" : ""}`;
    return {
      classes,
      html: `<span class="dot">${severity}</span>${words}`,
      name: `P${severity} ${label} ${count}`,
    };
  }

  /** @param {string} name */
  #icon(name) {
    return `<svg class="icon" aria-hidden="true"><use href="${this.dataset.icons}#${name}"></use></svg>`;
  }

  /**
   * @param {string} name
   * @param {object} detail
   */
  #tell(name, detail) {
    document.dispatchEvent(new CustomEvent(`anju:${name}`, { detail }));
  }
}

customElements.define("site-map", SiteMap);
