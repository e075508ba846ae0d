/** Draws what stands still on the plan: buildings, roads, gardens, gates, walls. */

const STYLES = {
  building: { color: "#2f4255", weight: 1.5, fillColor: "#18222c", fillOpacity: 1 },
  road: { stroke: false, fillColor: "#1d2732", fillOpacity: 1 },
  garden: { color: "#24463a", weight: 1.5, fillColor: "#14231d", fillOpacity: 1 },
  gate: { color: "#8fa1b3", weight: 2, fillColor: "#223040", fillOpacity: 1 },
  wall: { color: "#33475b", weight: 2, fill: false, dashArray: "6 5" },
};
const ORDER = ["wall", "garden", "road", "building", "gate"];

/**
 * The plan counts metres to the right and down, Leaflet's simple grid up.
 * @param {number} x
 * @param {number} y
 * @returns {[number, number]}
 */
export function point(x, y) {
  return [-y, x];
}

/**
 * Lays the uploaded picture under everything; a bright one as its negative (plan.css).
 * @param {any} leaflet
 * @param {any} map
 * @param {{version: number, sha256: string, bright: boolean, x: number, y: number, width: number, height: number} | null} picture
 */
export function drawPicture(leaflet, map, picture) {
  if (!picture) return;
  const { x, y, width, height, bright, sha256 } = picture;
  leaflet.imageOverlay(`/api/v1/plan/picture?of=${sha256.slice(0, 12)}`, [point(x, y), point(x + width, y + height)], {
    interactive: false, className: `plan-picture${bright ? " bright" : ""}`, zIndex: -1,
  }).addTo(map);
}

/** @typedef {{kind: string, rect?: number[], points?: number[][], label?: string, label_en?: string}} Shape */

export class PlanShapes {
  #leaflet;
  #map;
  #english;
  #overPicture = false;

  /**
   * @param {any} leaflet
   * @param {any} map
   * @param {boolean} english
   */
  constructor(leaflet, map, english) {
    this.#leaflet = leaflet;
    this.#map = map;
    this.#english = english;
  }

  /**
   * @param {Shape[]} shapes
   * @param {boolean} [overPicture] only their outlines, so that the picture is seen
   */
  draw(shapes, overPicture = false) {
    this.#overPicture = overPicture;
    const sorted = [...shapes].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
    for (const shape of sorted) this.#draw(shape);
  }

  /** @param {Shape} shape */
  #draw(shape) {
    const L = this.#leaflet;
    const style = STYLES[/** @type {keyof typeof STYLES} */ (shape.kind)] ?? STYLES.building;
    const [x = 0, y = 0, width = 0, height = 0] = shape.rect ?? [];
    const corners = shape.points ?? [[x, y], [x + width, y], [x + width, y + height], [x, y + height]];
    const line = corners.map(([a, b]) => point(a, b));
    const options = { ...style, interactive: false, ...(this.#overPicture ? { fillOpacity: 0 } : {}) };
    const closed = shape.rect !== undefined || shape.kind !== "wall";
    const drawn = (closed ? L.polygon(line, options) : L.polyline(line, options)).addTo(this.#map);
    const label = this.#english ? shape.label_en ?? shape.label : shape.label;
    if (label) this.#label(shape.kind, label, drawn.getBounds());
  }

  /**
   * @param {string} kind
   * @param {string} label
   * @param {any} bounds
   */
  #label(kind, label, bounds) {
    const L = this.#leaflet;
    const html = document.createElement("span");
    html.className = "plan-label";
    html.textContent = label;
    // Names stand clear of devices: a building's above it, a gate's below, others inside.
    html.classList.add(kind);
    const icon = L.divIcon({ className: "", html, iconSize: [0, 0] });
    const at = kind === "building" ? bounds.getNorthWest()
      : kind === "gate" ? L.latLng(bounds.getSouth(), bounds.getCenter().lng) : bounds.getCenter();
    L.marker(at, { icon, interactive: false, keyboard: false, zIndexOffset: -1000 }).addTo(this.#map);
  }
}
