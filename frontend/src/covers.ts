// What lies over the video when the lesson cannot go on by itself, and the badge about the network.

import type { Refused } from "./door";
import { duration, t } from "./messages";
import type { NoWay } from "./opener";
import type { Config, State } from "./protocol";
import type { Cover, View } from "./view";

/** So much of what counts without network is left when the learner is told how much. */
const SHORT_MS = 600_000;
const SPENT =
  "You have studied as much as counts without network in one go. It is kept on this device. Connect: it is sent, you confirm it, and go on.";

export class Covers {
  constructor(
    private readonly view: View,
    private readonly config: Config,
  ) {}

  cannotSign(): void {
    this.cannotPlay(
      window.isSecureContext
        ? t("The lesson needs a newer browser. Update it, or open this page in another one.")
        : t("The page must be opened over a secure connection (https). Ask whoever gave you the address."),
    );
  }

  signsNothing(): void {
    const text = t("Study counts here, but proves less. A newer browser, or this page over https, is better.");
    this.view.notice(t("This browser signs nothing"), text, "warn");
  }

  storageOff(): void {
    const text = t("What you study cannot be kept when this page closes: the browser's storage is off. Stay online.");
    this.view.notice(t("Storage is off"), text, "warn");
  }

  cannotPlayMedia(): void {
    const text = t("The lesson needs a newer browser. Update it, or open this page in another one.");
    this.cannotPlay(text, { label: t("Reload"), run: () => location.reload() });
  }

  /** The library that plays did not come; the browser asks for it again only when the page is loaded anew. */
  playerMissing(): void {
    const text = t("The network is too weak to load the player. What you studied is kept. Try again where it is better.");
    const action = { label: t("Try again"), run: () => location.reload() };
    this.view.cover({ title: t("The lesson cannot be opened"), text, tone: "bad", action });
  }

  private cannotPlay(text: string, action?: NonNullable<Cover["action"]>): void {
    const title = t("This browser cannot open the lesson");
    this.view.cover({ title, text, tone: "bad", ...(action ? { action } : {}) });
  }

  tapToPlay(play: () => void): void {
    this.view.cover({ title: t("Tap to play"), text: "", action: { label: t("Play"), run: play } });
  }

  cannotOpen(problem: Refused, again: () => void): void {
    if (problem.status === 401) return this.signedOut();
    const action = { label: t("Try again"), run: again };
    const title = t("The lesson cannot be opened");
    if (problem.passing && problem.status !== 429) {
      this.view.cover({ title, text: t("No network. What you study is kept on this device and sent later."), action });
      return;
    }
    const { course } = this.config.urls;
    const back = course ? { other: { label: t("Back to the course"), href: course } } : {};
    this.view.cover({ title, text: problem.detail, tone: "bad", action, ...back });
  }

  /** There is no network, and the download cannot be gone on with. */
  cannotGoOn(why: NoWay, again: () => void): void {
    if (why === "expired") return this.tooOld(again);
    if (why === "taken") {
      const text = t("This lesson is open in another page of this browser. Go on there, or close it.");
      return this.away(t("The lesson cannot be opened"), text, again);
    }
    this.away(
      t("Connect once"),
      t("Without network a lesson goes on where it was opened before. Connect and press play once; then it plays without network for some hours."),
      again,
    );
  }

  tooOld(again: () => void): void {
    this.away(t("This download is too old"), t("It is renewed as soon as there is a network. What you watched stays."), again);
  }

  connectToConfirm(again: () => void): void {
    this.away(t("Connect to confirm"), t(SPENT), again);
  }

  /** As before, where what is read stays in sight. */
  spent(): void {
    this.view.notice(t("Connect to confirm"), t(SPENT), "warn");
  }

  private away(title: string, text: string, again: () => void): void {
    this.view.cover({ title, text, action: { label: t("Try again"), run: again } });
  }

  mediaFailed(again: () => void): void {
    this.view.cover({
      title: t("The video cannot be played at the moment."),
      text: "",
      tone: "bad",
      action: { label: t("Try again"), run: again },
    });
  }

  elsewhere(reopen: () => void): void {
    this.view.cover({
      title: t("Continued on another device"),
      text: t("The lesson is now open elsewhere. What you studied here before that counts."),
      action: { label: t("Continue here"), run: reopen },
    });
  }

  outOfDate(): void {
    this.view.cover({
      title: t("This page is out of date"),
      text: t("Reload the page to go on. What you studied is kept on this device."),
      action: { label: t("Reload"), run: () => location.reload() },
      tone: "bad",
    });
  }

  signedOut(): void {
    const { signin } = this.config.urls;
    this.view.cover({
      title: t("Please sign in again"),
      text: t("What you studied is kept on this device. Sign in to go on."),
      ...(signin
        ? { other: { label: t("Sign in"), href: signin } }
        : { action: { label: t("Sign in"), run: () => location.reload() } }),
    });
  }

  checksLocked(detail: string): void {
    this.view.cover({ title: t("A check was missed"), text: detail, tone: "bad" });
  }

  completed(state: State, again: () => void): void {
    const { next, course } = this.config.urls;
    const onward = next
      ? { label: t("Next lesson"), href: next }
      : course
        ? { label: t("Back to the course"), href: course }
        : undefined;
    this.view.cover({
      title: t("Lesson complete"),
      text: t("All {time} of this lesson is final and goes into your record.", { time: duration(state.final_ms) }),
      tone: "good",
      action: { label: t("Study again"), run: again },
      ...(onward ? { other: onward } : {}),
    });
  }

  /** `count` reports wait; `failed`: the last try to send them got no answer; so much may be studied without. */
  network(count: number, failed: boolean, leftMs: number): void {
    if (navigator.onLine && !failed) return this.view.network(null);
    const kept = [t("No network. What you study is kept on this device and sent later.")];
    if (count > 1) kept.push(t("{count} reports waiting to be sent", { count }));
    if (count > 1 && leftMs < SHORT_MS) {
      kept.push(t("{time} more can be studied before you connect.", { time: duration(Math.max(0, leftMs)) }));
    }
    this.view.network(kept.join(" "));
  }
}
