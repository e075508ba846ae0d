/** What is said before a log-out: afterwards nobody could. */

const PATIENCE = 4000;

/** @type {((form: HTMLFormElement) => Promise<unknown>)[]} */
const farewells = [];

/**
 * Say something before the log-out is sent, and wait for it, though not for ever.
 *
 * @param {(form: HTMLFormElement) => Promise<unknown>} say
 */
export function beforeLogOut(say) {
  farewells.push(say);
}

document.addEventListener("submit", (event) => {
  const form = /** @type {HTMLFormElement} */ (event.target);
  if (!form.matches('[action="/logout"]')) return;
  event.preventDefault();
  if (form.dataset.leaving) return;
  form.dataset.leaving = "yes";
  const patience = new Promise((done) => setTimeout(done, PATIENCE));
  const said = Promise.allSettled(farewells.map((say) => say(form)));
  void Promise.race([said, patience]).finally(() => form.submit());
});
