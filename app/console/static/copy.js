// Buttons that copy what another element holds: <button data-copy="ID" hidden>.

export function offerCopies(within) {
  for (const button of within.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(source.textContent);
        button.textContent = "Copied";
      } catch {
        window.getSelection().selectAllChildren(source); // no clipboard without https: the reader copies it
        button.textContent = "Selected";
      }
      document.getElementById("announcements").textContent = button.textContent;
    });
  }
}
