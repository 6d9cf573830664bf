// The card about study without network: download, its progress, what is here, remove.

import { BrokenOff, type Downloads, NoRoom } from "./downloads";
import { Refused } from "./door";
import { size, t } from "./messages";
import type { Config } from "./protocol";
import type { Sitting } from "./sitting";
import type { View } from "./view";

type Look = "none" | "part" | "running" | "whole" | "old";

export interface Downloader {
  /** The sitting that asks for the licence; opened when there is none. */
  open(): Promise<Sitting | null>;
  /** All of it has come. */
  whole(): void;
}

export class OfflineCard {
  private running = false;
  /** Begun and not finished: it goes on by itself when the network is back. */
  private wanted = false;

  constructor(
    private readonly view: View,
    private readonly downloads: Downloads,
    private readonly offer: NonNullable<Config["offline"]>,
    private readonly lesson: Downloader,
  ) {
    view.on("download", () => void (this.running ? this.stop() : this.fetch()));
    view.on("remove", () => void this.remove());
    window.addEventListener("online", () => {
      if (this.wanted && !this.running) void this.fetch();
    });
    this.show();
    view.find("[data-offline]").hidden = false;
  }

  show(): void {
    const { current, isExpired } = this.downloads;
    if (this.running) return;
    this.look(!current ? "none" : !current.whole ? "part" : isExpired ? "old" : "whole");
  }

  private async fetch(): Promise<void> {
    if (this.running) return;
    const { view, downloads } = this;
    this.running = this.wanted = true;
    this.look("running");
    try {
      const sitting = await this.lesson.open();
      if (!sitting) return;
      const poster = view.video.poster || null;
      await downloads.fetch(sitting, sitting.opening.title, poster, (share) => this.progress(share));
      this.wanted = false;
      this.lesson.whole();
    } catch (problem) {
      this.broke(problem);
    } finally {
      this.running = false;
      this.show();
    }
  }

  private broke(problem: unknown): void {
    const tell = (text: string): void => this.view.notice(t("Download"), text, "warn");
    if (problem instanceof NoRoom) {
      this.wanted = false;
      tell(t("There is not enough room on this device: {size} are needed.", { size: size(this.offer.bytes) }));
    } else if (problem instanceof Refused && !problem.passing) {
      this.wanted = false;
      tell(problem.detail);
    } else if (problem instanceof BrokenOff || problem instanceof Refused) {
      if (this.wanted) tell(t("The download broke off. What is here stays; go on when there is a network."));
    } else {
      this.wanted = false;
      tell(t("The download broke off. What is here stays; go on when there is a network."));
      throw problem;
    }
  }

  private stop(): void {
    this.wanted = false;
    this.downloads.stop();
  }

  private async remove(): Promise<void> {
    if (!window.confirm(t("Remove from this device?"))) return;
    this.wanted = false;
    await this.downloads.remove();
    this.show();
  }

  private progress(share: number): void {
    const bar = this.view.find<HTMLProgressElement>("[data-offline-progress]");
    bar.value = Math.floor(share * 1000);
    this.says(t("Downloading: {percent} %. Keep this page open.", { percent: Math.floor(share * 100) }));
  }

  private says(text: string): void {
    this.view.find("[data-offline-says]").textContent = text;
  }

  private look(look: Look): void {
    const { view, downloads, offer } = this;
    const whole = look === "whole" || look === "old";
    view.find("[data-offline]").dataset["look"] = look;
    view.find("[data-offline-mark]").hidden = !whole;
    view.find("[data-offline-progress]").hidden = look !== "running";
    const fetch = view.find("[data-do=download]");
    fetch.hidden = whole;
    fetch.textContent = {
      none: t("Download ({size})", { size: size(offer.bytes) }),
      part: t("Go on downloading"),
      running: t("Stop"),
      whole: "",
      old: "",
    }[look];
    view.find("[data-do=remove]").hidden = look !== "part" && !whole;
    if (look === "running") return this.progress(0);
    const { current } = downloads;
    if (look === "old") this.says(t("On this device, but too old to play without network. Connect once to renew it."));
    else if (look === "whole" && current) {
      const date = new Date(current.licence.expires_ms).toLocaleDateString(document.documentElement.lang);
      this.says(t("Plays without network until {date}. Open it and press play once before you go offline.", { date }));
    } else this.says(t("For study where there is no network. Best done over Wi-Fi."));
  }
}
