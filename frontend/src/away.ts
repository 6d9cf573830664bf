// The network drops while a page is open: a bar says so, and of when the numbers are. Nothing on the page changes.

/** Answers what to ask before a form leaves: whether there is no network; then the bar says that nothing was sent. */
export function attachAway(): () => boolean {
  const bar = document.querySelector<HTMLElement>("[data-away]");
  // Lessons and tests go on without network, and say themselves how.
  if (!bar || document.querySelector("#player-config, [data-test]")) return () => false;
  const asOf = time(new Date());
  const say = (words = ""): void => {
    (bar.firstElementChild ?? bar).textContent = words.replace("{time}", asOf);
    bar.hidden = words === "";
  };
  const away = (): void => say(bar.dataset["away"]);
  window.addEventListener("offline", away);
  window.addEventListener("online", () => say());
  if (!navigator.onLine) away();
  return () => {
    if (!navigator.onLine) say(bar.dataset["awayForm"]);
    return !navigator.onLine;
  };
}

/** Pages with numbers are never kept: what one says is of when it was loaded. */
function time(of: Date): string {
  const clock: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", hour12: false };
  const day: Intl.DateTimeFormatOptions = { month: "short", day: "numeric" };
  const today = of.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(document.documentElement.lang, today ? clock : { ...day, ...clock }).format(of);
}
