/**
 * `<plan-editor data-plan data-icons data-lang data-movable>`: the plan with the devices of the
 * form beside it, which may be dragged, or moved with the arrow keys. The form's fields are the
 * truth: whatever moves writes them, and they are what is saved.
 */
import { L, RETRY, loadPlan, openPlan } from "./plan-map.js";
import { point } from "./plan-shapes.js";

const STEP = 0.5;
const LEAP = 5;
const KEYS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const OTHERS = { stroke: false, fillColor: "#6b7f93", fillOpacity: 0.55, radius: 2.5, interactive: false };

/** @typedef {{row: HTMLElement, x: HTMLInputElement, y: HTMLInputElement, marker: any}} Placed */

class PlanEditor extends HTMLElement {
  /** @type {any} */ #map;
  /** @type {Placed[]} */ #placed = [];
  #size = { width: 0, height: 0 };
  #changed = false;

  connectedCallback() {
    void this.#start();
    const form = document.querySelector("form.standing");
    form?.addEventListener("submit", () => { this.#changed = false; });
    window.addEventListener("beforeunload", (event) => this.#changed && event.preventDefault());
  }

  async #start() {
    const plan = await loadPlan(this);
    if (!plan) {
      setTimeout(() => void this.#start(), RETRY);
      return;
    }
    this.#build(plan);
    const rows = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("form.standing tr[data-slug]")]);
    const ours = new Set(rows.map((row) => row.dataset.slug));
    for (const device of plan.devices) {
      if (!ours.has(device.slug)) L.circleMarker(point(device.x, device.y), OTHERS).addTo(this.#map);
    }
    rows.forEach((row, number) => this.#place(row, number));
    this.#lookCloser();
  }

  /** Of a large site only what is to be placed is looked at, unless that is all over it. */
  #lookCloser() {
    if (!new URLSearchParams(location.search).get("within") || !this.#placed.length) return;
    const bounds = L.latLngBounds(this.#placed.map(({ marker }) => marker.getLatLng()));
    this.#map.fitBounds(bounds, { padding: [70, 70], maxZoom: 4, animate: false });
  }

  /** @param {any} plan */
  #build(plan) {
    this.#size = { width: plan.width, height: plan.height };
    const renderer = L.canvas({ padding: 0.3 });
    this.#map = openPlan(this, plan, { minZoom: -5, keyboard: false, renderer }).map;
    new ResizeObserver(() => this.#map.invalidateSize({ pan: false })).observe(this);
  }

  /**
   * Devices without metres of their own stand around their place; those that stand nowhere
   * wait in a line at the plan's upper edge.
   * @param {HTMLElement} row
   * @param {number} number
   */
  #place(row, number) {
    const x = /** @type {HTMLInputElement} */ (row.querySelector("[name=x]"));
    const y = /** @type {HTMLInputElement} */ (row.querySelector("[name=y]"));
    const html = `<div class="placing"><svg class="icon" aria-hidden="true"><use href="${this.dataset.icons}#${row.dataset.icon}"></use></svg></div>`;
    const movable = this.dataset.movable === "true";
    const marker = L.marker(this.#spot(row, x, y, number), {
      icon: L.divIcon({ className: "", html, iconSize: [32, 32] }), draggable: movable, autoPan: true,
    });
    const one = { row, x, y, marker };
    this.#placed.push(one);
    marker.bindTooltip(row.dataset.name ?? "", { direction: "top", offset: [0, -14] });
    marker.on("drag", () => this.#write(one)).on("dragend", () => this.#write(one)).addTo(this.#map);
    const element = marker.getElement();
    element.setAttribute("aria-label", row.dataset.name ?? "");
    element.dataset.slug = row.dataset.slug ?? "";
    element.addEventListener("focus", () => this.#choose(one));
    if (movable) element.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.#step(one, event));
    row.addEventListener("focusin", () => this.#choose(one));
    for (const field of [x, y]) field.addEventListener("input", () => this.#follow(one, number));
    if (x.value !== x.defaultValue) this.#note(one);
  }

  /**
   * @param {HTMLElement} row
   * @param {HTMLInputElement} x
   * @param {HTMLInputElement} y
   * @param {number} number
   */
  #spot(row, x, y, number) {
    const own = [parseFloat(x.value), parseFloat(y.value)];
    if (own.every(Number.isFinite)) return point(own[0], own[1]);
    const place = [parseFloat(row.dataset.placeX ?? ""), parseFloat(row.dataset.placeY ?? "")];
    const turn = number * Math.PI * (3 - Math.sqrt(5));
    const far = 1.6 * Math.sqrt(number % 12);
    if (place.every(Number.isFinite)) return point(place[0] + far * Math.cos(turn), place[1] + far * Math.sin(turn));
    return point((this.#size.width * ((number % 20) + 0.5)) / 20, this.#size.height * 0.03);
  }

  /** @param {Placed} one */
  #write(one) {
    const { lat, lng } = one.marker.getLatLng();
    const within = (/** @type {number} */ value, /** @type {number} */ most) =>
      Math.round(Math.min(Math.max(value, 0), most) * 10) / 10;
    const x = within(lng, this.#size.width);
    const y = within(-lat, this.#size.height);
    one.marker.setLatLng(point(x, y));
    one.x.value = String(x);
    one.y.value = String(y);
    this.#note(one);
  }

  /**
   * @param {Placed} one
   * @param {KeyboardEvent} event
   */
  #step(one, event) {
    const way = KEYS[/** @type {keyof typeof KEYS} */ (event.key)];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    const far = event.shiftKey ? LEAP : STEP;
    const { lat, lng } = one.marker.getLatLng();
    one.marker.setLatLng(point(lng + way[0] * far, -lat + way[1] * far));
    this.#write(one);
  }

  /**
   * @param {Placed} one
   * @param {number} number
   */
  #follow(one, number) {
    one.marker.setLatLng(this.#spot(one.row, one.x, one.y, number));
    this.#note(one);
  }

  /** @param {Placed} one */
  #note(one) {
    this.#changed = true;
    one.row.classList.add("moved");
    one.marker.getElement()?.querySelector(".placing")?.classList.add("moved");
  }

  /** @param {Placed} one */
  #choose(one) {
    for (const other of this.#placed) {
      other.row.classList.toggle("chosen", other === one);
      other.marker.getElement()?.classList.toggle("chosen", other === one);
    }
  }
}

customElements.define("plan-editor", PlanEditor);
