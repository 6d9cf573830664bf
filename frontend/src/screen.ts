// Full screen and keeping the screen awake, with what old iOS offers instead.

interface OldElement extends HTMLElement {
  webkitRequestFullscreen?: () => void;
}
interface OldDocument extends Document {
  webkitFullscreenElement?: Element | null;
  webkitExitFullscreen?: () => void;
}
interface OldVideo extends HTMLVideoElement {
  webkitEnterFullscreen?: () => void;
  webkitExitFullscreen?: () => void;
  webkitDisplayingFullscreen?: boolean;
}

export function isFull(): boolean {
  const page = document as OldDocument;
  return Boolean(document.fullscreenElement ?? page.webkitFullscreenElement);
}

export function toggleFull(box: HTMLElement, video: HTMLVideoElement): void {
  if (isFull()) return leaveFull(video);
  const old = box as OldElement;
  if (typeof box.requestFullscreen === "function") void box.requestFullscreen().catch(() => undefined);
  else if (old.webkitRequestFullscreen) old.webkitRequestFullscreen();
  else (video as OldVideo).webkitEnterFullscreen?.(); // iPhone: only the video itself, with the system's controls
}

/** A dialog of ours cannot be seen over the iPhone's own full-screen player. */
export function leaveFull(video: HTMLVideoElement): void {
  const page = document as OldDocument;
  if (document.fullscreenElement) void document.exitFullscreen().catch(() => undefined);
  else if (page.webkitFullscreenElement) page.webkitExitFullscreen?.();
  const old = video as OldVideo;
  if (old.webkitDisplayingFullscreen) old.webkitExitFullscreen?.();
}

let lock: WakeLockSentinel | null = null;
let wanted = false;

export async function keepAwake(on: boolean): Promise<void> {
  wanted = on;
  try {
    if (on && !lock && "wakeLock" in navigator) {
      const given = await navigator.wakeLock.request("screen");
      lock = given;
      given.addEventListener("release", () => (lock = lock === given ? null : lock));
      if (!wanted) await given.release(); // paused while the browser thought about it
    } else if (!on && lock) {
      await lock.release();
    }
  } catch {
    // low battery or a policy: the screen may then go dark, and the player pauses
  }
}
