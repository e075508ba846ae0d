/** A plan in an element: fetched, and opened as a map with what stands still on it. */
import "../vendor/leaflet-1.9.4/leaflet.js";
import { PlanShapes, drawPicture, point } from "./plan-shapes.js";

/** @type {any} Leaflet puts itself there; it has no module build that is minified. */
export const L = /** @type {any} */ (globalThis).L;

/** Try again after so many ms where there was no plan. */
export const RETRY = 5000;

/**
 * Fetches the plan of `data-plan`; without an answer the element says so, and there is none.
 * @param {HTMLElement} element
 */
export async function loadPlan(element) {
  try {
    const answer = await fetch(element.dataset.plan ?? "");
    if (answer.ok) return await answer.json();
  } catch {
    // Told below, like any other failure.
  }
  const words = element.querySelector(".empty strong");
  if (words) words.textContent = element.dataset.failed ?? "";
  return null;
}

/**
 * Opens a map of the whole plan at the head of an element.
 * @param {HTMLElement} element
 * @param {any} plan
 * @param {object} options beside those that every plan has
 */
export function openPlan(element, plan, options) {
  element.querySelector(".empty")?.remove();
  const box = document.createElement("div");
  element.prepend(box);
  const map = L.map(box, {
    crs: L.CRS.Simple, zoomSnap: 0, zoomDelta: 0.5, maxZoom: 6,
    attributionControl: false, zoomControl: false, ...options,
  });
  L.control.zoom({
    position: "bottomright", zoomInTitle: element.dataset.zoomIn, zoomOutTitle: element.dataset.zoomOut,
  }).addTo(map);
  const bounds = L.latLngBounds(point(0, 0), point(plan.width, plan.height));
  map.fitBounds(bounds, { padding: [12, 12], animate: false });
  drawPicture(L, map, plan.picture);
  new PlanShapes(L, map, element.dataset.lang === "en").draw(plan.shapes, Boolean(plan.picture));
  return { map, bounds };
}
