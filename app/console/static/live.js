// Keeps parts of a page as they are now: <section data-live="NAME"> is fetched again (?part=NAME) every few
// seconds while the page is looked at. What the reader is busy with stays as it is.
const EVERY = 5_000; // milliseconds

function isBusy(part) {
  return part.contains(document.activeElement) || part.querySelector("input:checked, dialog[open]") !== null;
}

async function refresh(part, done) {
  const address = new URL(window.location.href);
  address.searchParams.set("part", part.dataset.live);
  address.hash = "";
  const answer = await fetch(address, { redirect: "manual" });
  if (answer.type === "opaqueredirect") window.location.reload(); // to the login: the session has ended
  if (!answer.ok) return;
  const content = await answer.text();
  if (content === part.lastContent || isBusy(part)) return;
  part.lastContent = content;
  part.replaceChildren(document.createRange().createContextualFragment(content));
  done(part);
}

export function followLiveParts(done) {
  const parts = [...document.querySelectorAll("[data-live]")];
  const refreshAll = () => {
    if (document.hidden) return;
    for (const part of parts) refresh(part, done).catch(() => {}); // the next try is soon
  };
  if (parts.length) setInterval(refreshAll, EVERY);
}
