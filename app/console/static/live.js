// Keeps parts of a page as they are now: <section data-live="NAME"> is fetched again (?part=NAME) when the
// service says that something has changed, while the page is looked at. What the reader is busy with stays.
const POLL_EVERY = 30_000; // milliseconds: should a word be missed
const POLL_ALONE = 5_000; // milliseconds: where the service tells nothing
let source = null;

function isBusy(part) {
  return part.contains(document.activeElement) || part.querySelector("input:checked, dialog[open]") !== null;
}

async function refresh(part, done) {
  if (part.isFetched) {
    part.isStale = true;
    return;
  }
  part.isFetched = true;
  try {
    const address = new URL(window.location.href);
    address.searchParams.set("part", part.dataset.live);
    address.hash = "";
    const answer = await fetch(address, { redirect: "manual" });
    if (answer.type === "opaqueredirect") window.location.reload(); // to the login: the session has ended
    if (answer.ok) show(part, await answer.text(), done);
  } catch {
    // The next try is soon.
  }
  part.isFetched = false;
  if (part.isStale) {
    part.isStale = false;
    refresh(part, done);
  }
}

function show(part, content, done) {
  if (content === part.lastContent || isBusy(part)) return;
  part.lastContent = content;
  part.replaceChildren(document.createRange().createContextualFragment(content));
  done(part);
}

export function followLiveParts(done) {
  const parts = [...document.querySelectorAll("[data-live]")];
  if (!parts.length) return;
  const refreshAll = () => parts.forEach((part) => refresh(part, done));
  const follow = () => {
    if (document.hidden) {
      source?.close(); // a browser opens only a few connections to a service
      source = null;
    } else if (source === null) {
      source = new EventSource(new URL("../live", import.meta.url));
      source.onmessage = refreshAll;
    }
  };
  let polledAt = Date.now();
  setInterval(() => {
    const isTold = source?.readyState === EventSource.OPEN;
    if (document.hidden || Date.now() - polledAt < (isTold ? POLL_EVERY : POLL_ALONE)) return;
    polledAt = Date.now();
    refreshAll();
  }, 1_000);
  document.addEventListener("visibilitychange", follow);
  follow();
}
