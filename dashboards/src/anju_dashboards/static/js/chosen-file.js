/** Says which file was chosen, beside the button: the native control is unseen below it. */

function say() {
  for (const input of document.querySelectorAll('.chooser input[type="file"]')) {
    const { files } = /** @type {HTMLInputElement} */ (input);
    const words = /** @type {HTMLElement | null} */ (input.parentElement?.querySelector(".chosen"));
    const text = files?.length ? [...files].map((file) => file.name).join(", ") : words?.dataset.none ?? "";
    if (words && words.textContent !== text) words.textContent = text;
  }
}

document.addEventListener("change", say);
// a form is reset after its event, and what was drawn anew has forgotten what it said
document.addEventListener("reset", () => setTimeout(say));
document.addEventListener("htmx:after:swap", () => setTimeout(say));
