// The lesson page: reads its config, wires buttons and keys to the lesson.

import { readConfig } from "./config";
import { watchLinks } from "./leaving";
import { Lesson } from "./lesson";
import { t } from "./messages";
import { isFull, toggleFull } from "./screen";
import { openStore } from "./store";
import { View } from "./view";

const STEP_MS = 5000;

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
  const button = view.find("[data-do=captions]");
  button.hidden = tracks.length === 0;
  // Each press shows the next language; after the last one, none.
  let shown = -1;
  view.on("captions", () => {
    shown = shown + 1 < tracks.length ? shown + 1 : -1;
    button.setAttribute("aria-pressed", String(shown >= 0));
    button.textContent = tracks[shown]?.language.toUpperCase() ?? "CC";
    tracks.forEach((track, index) => (track.mode = index === shown ? "showing" : "disabled"));
  });
}

function keys(view: View, lesson: Lesson): void {
  document.addEventListener("keydown", (event) => {
    const target = event.target instanceof Element ? event.target : null;
    if (event.altKey || event.ctrlKey || event.metaKey || document.querySelector("dialog[open]")) return;
    if (target?.closest("select, textarea, input:not([type=range])")) return;
    // Arrows move the range they are on, and the space bar presses the button it is on.
    if (event.key.startsWith("Arrow") && target?.matches("input")) return;
    if (event.key === " " && target?.closest("button, a, summary")) return;
    const step = { ArrowLeft: -STEP_MS, ArrowRight: STEP_MS }[event.key];
    if (step !== undefined) lesson.playback.step(step);
    else if (event.key === " " || event.key === "k") void lesson.toggle();
    else if (event.key === "m") view.video.muted = !view.video.muted;
    else if (event.key === "f") toggleFull(view.root, view.video);
    else return;
    event.preventDefault();
  });
}

void start();
