// Before anything is drawn: the colours that the reader has chosen in this browser, if any.
const chosen = localStorage.getItem("theme");
if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
