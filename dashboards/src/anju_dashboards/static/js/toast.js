/** The words at the bottom: what went wrong with what was asked for last, or a life alert. */

const dialog = /** @type {HTMLDialogElement | null} */ (document.getElementById("ask"));
const toast = document.getElementById("toast");

/**
 * @param {string} text
 * @param {object} [more]
 * @param {string} [more.life] id of the life alert it is about; the words then lead to it
 * @param {boolean} [more.read] whether only something to look at did not come
 * @param {{href: string, text: string}} [more.link] where to go on
 */
export function say(text, { life = "", read = false, link } = {}) {
  const words = toast?.querySelector(".words");
  if (!toast || !words) return;
  // behind an open dialog it would be neither seen nor heard
  const there = dialog?.open ? dialog : document.body;
  if (toast.parentElement !== there) there.append(toast);
  // that something may not have arrived outweighs that something could not be looked at
  if (read && !toast.hidden && toast.dataset.about !== "read") return;
  // what is said already must not be read out again
  const same = words.textContent === (link ? `${text} ${link.text}` : text) && toast.dataset.life === life;
  if (same && !toast.hidden) return;
  toast.dataset.life = life;
  toast.dataset.about = life ? "life" : read ? "read" : "act";
  if (life) words.replaceChildren(leadingTo(`/alerts/${life}`, text));
  else if (link) words.replaceChildren(text, " ", leadingTo(link.href, link.text));
  else words.textContent = text;
  toast.hidden = false;
}

/** @param {string} href @param {string} text */
function leadingTo(href, text) {
  const link = document.createElement("a");
  link.href = href;
  link.textContent = text;
  return link;
}

/** Something was done: that outdates what went wrong before. So does a look, where a look went wrong. @param {boolean} acted */
export function settle(acted) {
  const about = toast?.dataset.about;
  if (toast && about !== "life" && (acted || about === "read")) toast.hidden = true;
}

/** The life alert that was told is loud no more. @param {string} id */
export function hush(id) {
  if (toast?.dataset.life === id) toast.hidden = true;
}

toast?.querySelector("button")?.addEventListener("click", () => {
  toast.hidden = true;
});
dialog?.addEventListener("close", () => {
  if (toast && dialog.contains(toast)) document.body.append(toast);
});
