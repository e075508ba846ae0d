/**
 * The service worker. It shows what the platform pushes while no page of ours is open, and says
 * that it did: the receipt is the proof, a push service's 200 is none. And it keeps the family's
 * last page, to show it, marked as old, when the server cannot be reached; nothing of it stays
 * behind a log-out, a server's word that the home is not for this person, or three days.
 */
const worker = /** @type {any} */ (self);

const PAGES = "anju-family";
const FILES = "anju-files";
const OFFLINE = "/offline";
const PATIENCE_MS = 6000;
const KEPT_MS = 3 * 24 * 3_600_000;
/** The header that says when something was kept, by this telephone's clock. */
const KEPT_AT = "x-kept-at";
/** The server's word that this home is not, or no longer, for whoever asks. */
const REFUSALS = [401, 403, 404];
/** What the family's page is made of; everything else of ours is no use without a server. */
const IS_FILE = /^\/static\/(css\/family\.css|icon\.svg|icons\/.*|js\/(family|family-push|farewell|push-here)\.js|vendor\/tabler-icons[^/]*\/icons\.svg)$/;

/** Who asked before a log-out gets nothing kept after it. */
let logOuts = 0;

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

/** @param {string} home */
const pageOf = (home) => `/family?home=${encodeURIComponent(home)}`;
/** @param {string} home */
const partOf = (home) => `${pageOf(home)}&part=true`;
/** @param {string} page which home a page is about */
const homeOf = (page) => page.match(/data-part="\/family\?home=([^"&]+)/)?.[1] ?? "";

/** @param {Response} answer */
async function stamped(answer) {
  const headers = new Headers(answer.headers);
  headers.set(KEPT_AT, String(Date.now()));
  return new Response(await answer.text(), { headers });
}

/** @param {Response} kept whether it is too old to be shown: also if somebody set the clock since */
const isStale = (kept) => Math.abs(Date.now() - Number(kept.headers.get(KEPT_AT))) > KEPT_MS;

/**
 * Keep nothing of a home any more, nor what was the last page there was; of none named: of any.
 *
 * @param {string} home
 */
async function lose(home) {
  if (!home) return caches.delete(PAGES);
  const cache = await caches.open(PAGES);
  return Promise.all([pageOf(home), partOf(home), pageOf("")].map((each) => cache.delete(each)));
}

/**
 * Keep a page, under its home's name and as the last one there was, or what has become of it.
 *
 * @param {Response} answer
 * @param {URL} url
 */
async function remember(answer, url) {
  const cache = await caches.open(PAGES);
  const kept = await stamped(answer);
  if (url.searchParams.has("part")) return cache.put(partOf(url.searchParams.get("home") ?? ""), kept);
  const home = homeOf(await kept.clone().text());
  await cache.put(pageOf(home), kept.clone());
  await cache.put(pageOf(""), kept);
  return cache.delete(partOf(home));
}

/**
 * Ask the server for a home's page or part, and keep what it says.
 *
 * @param {Request} request
 * @param {URL} url
 */
async function heard(request, url) {
  const before = logOuts;
  const answer = await fetch(request);
  if (answer.ok && !answer.redirected && before === logOuts) {
    await remember(answer.clone(), url).catch(() => undefined);  // a full telephone shows it all the same
    if (before !== logOuts) await caches.delete(PAGES);
  }
  if (REFUSALS.includes(answer.status)) await lose(url.searchParams.get("home") ?? "");
  return answer;
}

/**
 * The page as it was last heard, marked as old; nothing if there is none, or it is too old.
 *
 * @param {URL} url
 */
async function remembered(url) {
  const cache = await caches.open(PAGES);
  const kept = await cache.match(pageOf(url.searchParams.get("home") ?? ""));
  if (!kept) return undefined;
  const page = (await kept.text()).replace("<html ", '<html class="old" ');
  const since = await cache.match(partOf(homeOf(page)));
  if (isStale(since ?? kept)) {
    await lose(homeOf(page));
    return undefined;
  }
  const part = await since?.text();
  const text = part ? page.replace(/(<main[^>]*>)[^]*(<\/main>)/, (_, open, close) => open + part + close) : page;
  return new Response(text, { headers: kept.headers });
}

/**
 * @param {Request} request
 * @param {URL} url
 */
async function homePage(request, url) {
  const asked = heard(request, url);
  const late = new Promise((done) => setTimeout(done, PATIENCE_MS, null));
  const answer = await Promise.race([asked, late]).catch(() => null);
  if (answer && answer.status < 500) return answer;
  // no line, or nobody behind it: what was kept is of more use than a browser's excuse
  return (await remembered(url)) ?? asked.catch(offline);
}

/**
 * @param {Request} request
 * @param {URL} url
 */
async function file(request, url) {
  const cache = await caches.open(FILES);
  try {
    const answer = await fetch(request);
    if (answer.ok) await cache.put(url.pathname, answer.clone()).catch(() => undefined);
    if (answer.status < 500) return answer;
  } catch {
    // then what was kept
  }
  return (await cache.match(url.pathname)) ?? Response.error();
}

async function offline() {
  return (await (await caches.open(FILES)).match(OFFLINE)) ?? Response.error();
}

async function keepFiles() {
  await (await caches.open(FILES)).addAll([OFFLINE, "/static/css/family.css"]);
}

/** Whoever sees the log-in is nobody here yet, or no longer. */
async function forget() {
  logOuts += 1;
  await caches.delete(PAGES);
}

worker.addEventListener("install", (/** @type {any} */ event) => {
  worker.skipWaiting();
  event.waitUntil(keepFiles().catch(() => undefined));  // who is pushed to must not wait for that
});
worker.addEventListener("activate", (/** @type {any} */ event) => event.waitUntil(worker.clients.claim()));

worker.addEventListener("fetch", (/** @type {any} */ event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (url.origin !== worker.location.origin) return;
  if (/^\/(login|logout|invited\/.*)$/.test(url.pathname)) event.waitUntil(forget());
  const reads = request.method === "GET";
  if (reads && url.pathname === "/family") event.respondWith(request.mode === "navigate" ? homePage(request, url) : heard(request, url));
  else if (reads && IS_FILE.test(url.pathname)) event.respondWith(file(request, url));
  else if (request.mode === "navigate" && /^\/(family\/|me$|me\/|logout$)/.test(url.pathname)) event.respondWith(fetch(request).catch(offline));
});

worker.addEventListener("push", (/** @type {any} */ event) => {
  const said = event.data?.json() ?? {};
  const shown = worker.registration.showNotification(said.title ?? "Anju", {
    body: said.body,
    tag: said.tag,
    renotify: Boolean(said.tag),
    requireInteraction: said.severity <= 2,
    vibrate: said.severity <= 2 ? [400, 150, 400, 150, 800] : [200],
    lang: said.lang,
    icon: "/static/icons/192.png",
    badge: "/static/icons/192.png",
    data: { url: said.url, receipt: said.receipt },
  });
  event.waitUntil(shown.then(() => receipt(said.receipt, "delivered")));
});

worker.addEventListener("notificationclick", (/** @type {any} */ event) => {
  event.notification.close();
  const { url, receipt: to } = event.notification.data ?? {};
  const { pathname, search } = new URL(url ?? "/", worker.location.origin);
  event.waitUntil(Promise.all([receipt(to, "seen"), worker.clients.openWindow(pathname + search)]));
});
