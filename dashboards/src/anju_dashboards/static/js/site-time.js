/** Times as the site reads them: its zone, the server's clock, the page's language. */

const root = document.documentElement;
const zone = root.dataset.zone || "Asia/Shanghai";
const clock = new Intl.DateTimeFormat("en-GB", {
  timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});

/** Milliseconds the server's clock is ahead of this machine's; wrong wall PCs are common. */
let ahead = 0;

/**
 * Learn the server's clock.
 * @param {number} serverMillis the server's epoch milliseconds, just received
 */
export function learnServerTime(serverMillis) {
  ahead = serverMillis - Date.now();
}

/** @returns {number} epoch milliseconds by the server's clock */
export function serverNow() {
  return Date.now() + ahead;
}

/** @returns {string} the site's IANA time zone */
export function siteZone() {
  return zone;
}

/**
 * @param {number} millis
 * @returns {string} hh:mm:ss on the site
 */
export function clockTime(millis) {
  return clock.format(new Date(millis));
}

/**
 * Say how long something lasts, the shorter the finer: 0:19, 18 min, 3 h 05, 4 d.
 * The words come from the page, so that they are in its language.
 * @param {number} millis
 * @returns {string}
 */
export function duration(millis) {
  const seconds = Math.max(0, Math.floor(millis / 1000));
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) {
    return `${String(minutes).padStart(2, "0")}:${String(seconds % 60).padStart(2, "0")}`;
  }
  if (minutes < 60) return `${minutes} ${root.dataset.minutes}`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) {
    const parts = (root.dataset.hours ?? "").replace("{h}", String(hours));
    return parts.replace("{m}", String(minutes % 60).padStart(2, "0"));
  }
  return `${Math.floor(hours / 24)} ${root.dataset.days}`;
}

/** Set the text only when it differs: an unchanged row costs no layout. */
function write(/** @type {Element} */ element, /** @type {string} */ text) {
  if (element.textContent !== text) element.textContent = text;
}

function tick() {
  const now = serverNow();
  for (const element of document.querySelectorAll("time[data-since]")) {
    write(element, duration(now - Number(/** @type {HTMLElement} */ (element).dataset.since)));
  }
  for (const element of document.querySelectorAll("[data-clock]")) write(element, clockTime(now));
}

/** Keep every counter and clock of the page going, with one timer for all of them. */
export function keepTime() {
  if (root.dataset.now) learnServerTime(Number(root.dataset.now));
  tick();
  setInterval(tick, 1000);
}
