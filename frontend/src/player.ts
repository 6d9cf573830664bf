// The lesson page: reads its config, wires buttons and keys to the lesson.

import { readConfig } from "./config";
import { watchLinks } from "./leaving";
import { Lesson } from "./lesson";
import { t } from "./messages";
import { isFull, toggleFull } from "./screen";
import { openStore } from "./store";
import { View } from "./view";

const STEP_MS = 5000;
const UP_AND_DOWN: Partial<Record<string, number>> = { ArrowDown: -STEP_MS, ArrowUp: STEP_MS };

async function start(): Promise<void> {
  const config = readConfig();
  if (!config) return;
  const view = new View();
  const lesson = new Lesson(config, view, await openStore());
  const { video } = view;
  if (config.progress) {
    const whole = config.progress.duration_ms;
    view.seekBar(whole, () => view.position(0, whole)); // until a sitting is open
    view.progress(config.progress);
    view.position(config.progress.frontier_ms, config.progress.duration_ms);
  }

  view.on("toggle", () => void lesson.toggle());
  view.on("confirm", () => void lesson.check(true));
  view.on("mute", () => (video.muted = !video.muted));
  view.on("full", () => toggleFull(view.root, video));
  video.addEventListener("click", () => void lesson.toggle());
  const volume = view.find<HTMLInputElement>("[data-volume]");
  volume.addEventListener("input", () => {
    video.volume = Number(volume.value) / 100;
    video.muted = video.volume === 0;
  });
  const full = view.find("[data-do=full]");
  for (const name of ["fullscreenchange", "webkitfullscreenchange"]) {
    document.addEventListener(name, () => {
      view.root.dataset["full"] = String(isFull());
      full.setAttribute("aria-label", isFull() ? t("Leave full screen") : t("Full screen"));
    });
  }
  captions(view);
  keys(view, lesson);
  watchLinks(lesson, view);
  if ("mediaSession" in navigator) {
    navigator.mediaSession.metadata = new MediaMetadata({ title: document.title });
    navigator.mediaSession.setActionHandler("play", () => void lesson.play());
    navigator.mediaSession.setActionHandler("pause", () => video.pause());
  }
  await lesson.prepare();
  view.root.dataset["ready"] = "true";
}

function captions(view: View): void {
  const tracks = [...view.video.textTracks];
  view.find("[data-do=captions]").hidden = tracks.length === 0;
  // Each press shows the next language; after the last one, none.
  let shown = -1;
  view.on("captions", () => {
    shown = shown + 1 < tracks.length ? shown + 1 : -1;
    const track = tracks[shown];
    view.captions(track ? [track.label, track.language] : null);
    tracks.forEach((track, index) => (track.mode = index === shown ? "showing" : "disabled"));
  });
}

function keys(view: View, lesson: Lesson): void {
  document.addEventListener("keydown", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
    if (target?.closest("select, textarea, input:not([type=range])")) return;
    // Arrows move the volume they are on, and the space bar presses the button it is on.
    const slides = target?.matches("[data-seek]") ?? false;
    if (event.key.startsWith("Arrow") && target?.matches("input") && !slides) return;
    if (event.key === " " && target?.closest("button, a, summary")) return;
    const step = { ArrowLeft: -STEP_MS, ArrowRight: STEP_MS }[event.key] ?? (slides ? UP_AND_DOWN[event.key] : undefined);
    // A letter means something only in the player: elsewhere who speaks to the device types letters unawares.
    const letter = target?.closest("[data-player]") ? event.key : "";
    if (step !== undefined) lesson.playback.step(step);
    else if (event.key === " " || letter === "k") void lesson.toggle();
    else if (letter === "m") view.video.muted = !view.video.muted;
    else if (letter === "f") toggleFull(view.root, view.video);
    else return;
    event.preventDefault();
  });
}

void start();
