// How many of a list are selected: <form data-selection> says it in its [data-selected-number].
function count(form) {
  const number = form.querySelectorAll("input[name=selected]:checked").length;
  const place = form.querySelector("[data-selected-number]");
  if (place) place.textContent = number ? `${number} selected` : "none yet";
  for (const button of form.querySelectorAll(".selection button")) button.disabled = number === 0;
}

export function countSelections() {
  for (const form of document.querySelectorAll("form[data-selection]")) {
    form.addEventListener("change", () => count(form));
    count(form);
  }
}
