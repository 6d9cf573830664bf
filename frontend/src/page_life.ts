// The page itself: hidden and shown, left, taken out of the browser's back-forward cache, on and off the network.

export interface Living {
  hidden(): void;
  shown(): void;
  /** It comes back as it was left, perhaps long after. */
  restored(): void;
  network(on: boolean): void;
}

export function watchPage(living: Living): void {
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") living.hidden();
    else living.shown();
  });
  window.addEventListener("pagehide", () => living.hidden());
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) living.restored();
  });
  window.addEventListener("online", () => living.network(true));
  window.addEventListener("offline", () => living.network(false));
}
