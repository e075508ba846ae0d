/** This browser's push subscription, and whom it tells: whoever is logged in, and nobody else. */

const WHOM = "anju-push-tells";

/** @param {string} words base64 for URLs */
export function bytes(words) {
  const plain = atob(words.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0));
}

/** @returns {Promise<PushSubscription | null>} */
export async function here() {
  if (!("serviceWorker" in navigator)) return null;
  const registration = await navigator.serviceWorker.getRegistration("/");
  return (await registration?.pushManager?.getSubscription()) ?? null;
}

/**
 * @param {PushSubscription} subscription
 * @param {Uint8Array} key
 */
export function sameKey(subscription, key) {
  const had = new Uint8Array(subscription.options.applicationServerKey ?? new ArrayBuffer(0));
  return had.length === key.length && had.every((each, n) => each === key[n]);
}

/**
 * @param {string} path
 * @param {unknown} said
 */
async function post(path, said) {
  const { csrf = "" } = document.body.dataset;
  const headers = { "Content-Type": "application/json", "X-CSRF-Token": csrf };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(said), keepalive: true });
  if (!answer.ok) throw new Error(String(answer.status));
}

/** @param {PushSubscription} subscription */
export async function tell(subscription) {
  await post("/api/v1/me/push", subscription);
  localStorage.setItem(WHOM, document.body.dataset.user ?? "");
}

/** Let a browser that rang for somebody else ring for whoever is logged in now. */
export async function keepWhom() {
  const { user } = document.body.dataset;
  if (!user || !localStorage.getItem(WHOM) || localStorage.getItem(WHOM) === user) return;
  const subscription = await here();
  if (subscription) await tell(subscription);
}

/**
 * Let this browser ring for nobody: whoever it rang for logs out. The server hears of it with the
 * log-out itself, in a field of its form.
 *
 * @param {HTMLFormElement} form
 */
export async function forget(form) {
  const subscription = await here();
  if (!subscription) return;
  const field = document.createElement("input");
  Object.assign(field, { type: "hidden", name: "push", value: subscription.endpoint });
  form.append(field);
  await subscription.unsubscribe();
  localStorage.removeItem(WHOM);
}
