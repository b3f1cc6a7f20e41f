// What the pages do beyond plain HTML. Each part looks for its own attributes, and is done anew for fragments.
import { offerCopies } from "./copy.js";
import { offerGrid } from "./grid.js";
import { followLiveParts } from "./live.js";
import { countSelections } from "./selection.js";
import { showTimes } from "./times.js";

const SENDS_FOR = 5_000; // milliseconds

function askFirst(event) {
  const question = event.submitter?.dataset.question ?? event.target.dataset.question;
  if (question && !window.confirm(question)) event.preventDefault();
}

// A second click would do it twice, and show the answer to the second alone: of two tokens, say.
function sendOnce(event) {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (Date.now() - (form.sentAt ?? 0) < SENDS_FOR) event.preventDefault();
  else form.sentAt = Date.now();
}

function switchTheme() {
  const root = document.documentElement;
  const isDark = root.dataset.theme
    ? root.dataset.theme === "dark"
    : window.matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
}

for (const button of document.querySelectorAll("[data-theme-switch]")) {
  button.hidden = false;
  button.addEventListener("click", switchTheme);
}
document.addEventListener("submit", askFirst);
document.addEventListener("submit", sendOnce);
offerCopies(document);
countSelections();
showTimes(document);
setInterval(() => showTimes(document), 10_000);
followLiveParts((part) => showTimes(part));
offerGrid();
