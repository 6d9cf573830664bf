// Two pages of one browser must not write one chain of reports: whoever works with a sitting holds its lock. Browsers
// without locks (Safari before 15.4) do without; a doubled chain is then refused by the server as such.

function nameOf(sid: string): string {
  return `elearn-sitting-${sid}`;
}

/** Hold the sitting's lock until this page goes. False when another page holds it. */
export function holdSitting(sid: string): Promise<boolean> {
  if (!("locks" in navigator)) return Promise.resolve(true);
  return new Promise((resolve) => {
    void navigator.locks.request(nameOf(sid), { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      return lock ? new Promise(() => undefined) : undefined;
    });
  });
}

/** Do `work` unless another page, or this one, holds the sitting; null then. */
export async function ifFree<T>(sid: string, work: () => Promise<T>): Promise<T | null> {
  if (!("locks" in navigator)) return work();
  let done: T | null = null;
  await navigator.locks.request(nameOf(sid), { ifAvailable: true }, async (lock) => {
    if (lock) done = await work();
  });
  return done;
}
