// The browser of whoever is signed in keeps the shell of the app: the worker is registered on any page, so that one
// without network still opens. Over plain http, and in browsers without workers, pages work as pages do.

/** Once a page stands and the network is free. */
export async function installApp(): Promise<void> {
  const { app, scope } = document.body.dataset;
  if (!app || !scope || !("serviceWorker" in navigator) || !window.isSecureContext) return;
  if (document.readyState !== "complete") await new Promise((resolve) => addEventListener("load", resolve, { once: true }));
  // A browser may deny it (private windows, a policy): then there is no app to keep.
  await navigator.serviceWorker.register(app, { scope, updateViaCache: "none" }).catch(() => undefined);
}
