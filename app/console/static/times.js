// Times as "5 minutes ago"; the exact one, of the reader's own clock, stands in the tooltip.
const UNITS = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const exact = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "long" });

function inWords(at) {
  const seconds = (at - Date.now()) / 1000;
  if (Math.abs(seconds) < 5) return "just now";
  const [unit, size] = UNITS.find(([, each]) => Math.abs(seconds) >= each) ?? ["second", 1];
  return relative.format(Math.round(seconds / size), unit);
}

export function showTimes(within) {
  for (const each of within.querySelectorAll("time[datetime]:not([data-exact])")) {
    const at = new Date(each.dateTime);
    each.title = exact.format(at);
    each.textContent = inWords(at);
  }
}
