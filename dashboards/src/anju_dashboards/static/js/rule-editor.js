/** In the editor of rules: a fault's line number leads to that line. */

document.addEventListener("click", (event) => {
  const link = /** @type {Element} */ (event.target).closest("a[data-line]");
  const text = /** @type {HTMLTextAreaElement | null} */ (document.getElementById("text"));
  if (!(link instanceof HTMLElement) || !text) return;
  event.preventDefault();
  const lines = text.value.split("\n");
  const line = Number(link.dataset.line) - 1;
  const start = lines.slice(0, line).join("\n").length + (line ? 1 : 0);
  text.focus();
  text.setSelectionRange(start, start + (lines[line]?.length ?? 0));
  const height = parseFloat(getComputedStyle(text).lineHeight);
  text.scrollTop = Math.max(0, (line - 4) * height);
});
