/**
 * The service worker: it shows what the platform pushes while no page of ours is open, and says
 * that it did. The receipt is the proof: a push service's 200 is none.
 */
const worker = /** @type {any} */ (self);

/**
 * @param {string | undefined} url the message's own address for receipts
 * @param {"delivered" | "seen"} kind
 */
async function receipt(url, kind) {
  if (!url) return;
  const path = new URL(url, worker.location.origin).pathname;
  const request = { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ kind }), keepalive: true };
  for (const wait of [0, 1000, 3000]) {
    await new Promise((done) => setTimeout(done, wait));
    const answer = await fetch(path, request).catch(() => null);
    if (answer && answer.status < 500) return;
  }
}

worker.addEventListener("install", () => worker.skipWaiting());
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener("push", (/** @type {any} */ event) => {
  const said = event.data?.json() ?? {};
  const shown = worker.registration.showNotification(said.title ?? "Anju", {
    body: said.body,
    tag: said.tag,
    renotify: Boolean(said.tag),
    requireInteraction: said.severity <= 2,
    vibrate: said.severity <= 2 ? [400, 150, 400, 150, 800] : [200],
    lang: said.lang,
    icon: "/static/icon.svg",
    data: { url: said.url, receipt: said.receipt },
  });
  event.waitUntil(shown.then(() => receipt(said.receipt, "delivered")));
});

worker.addEventListener("notificationclick", (/** @type {any} */ event) => {
  event.notification.close();
  const { url, receipt: to } = event.notification.data ?? {};
  const path = new URL(url ?? "/", worker.location.origin).pathname;
  event.waitUntil(Promise.all([receipt(to, "seen"), worker.clients.openWindow(path)]));
});
