// Two pages of one browser must not write one chain of reports: whoever works with a sitting holds its lock. Browsers
// without locks (Safari before 15.4) do without; a doubled chain is then refused by the server as such.

/** So long a page that was killed may take to let go. */
const PATIENCE_MS = 1500;

const held = new Map<string, () => void>();

/** Hold the sitting's lock until this page goes or lets go of it. False when another page holds it. */
export function holdSitting(sid: string): Promise<boolean> {
  if (held.has(sid)) return Promise.resolve(true);
  return new Promise((resolve) => {
    void ifFree(sid, () => {
      resolve(true);
      return new Promise<void>((letGo) => held.set(sid, letGo));
    }).then(() => resolve(false));
  });
}

/** Let go of all: what this page worked with is over. */
export function letGoOfSittings(): void {
  for (const letGo of held.values()) letGo();
  held.clear();
}

/** Do `work` unless a page holds the sitting; null then. */
export async function ifFree<T>(sid: string, work: () => Promise<T>): Promise<T | null> {
  if (!("locks" in navigator)) return work();
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(), PATIENCE_MS);
  let begun = false;
  try {
    return (await navigator.locks.request(`elearn-sitting-${sid}`, { signal: patience.signal }, () => {
      begun = true;
      clearTimeout(timer);
      return work();
    })) as T;
  } catch (problem) {
    if (begun) throw problem;
    return null;
  }
}
