// A film on the public pages: fetched when somebody presses play, played by hls.js or the browser itself. There is no
// sitting behind it, so nothing is reported and nothing is ever earned.

function listen(stage: HTMLElement): void {
  const video = stage.querySelector<HTMLVideoElement>("video[data-film]");
  const button = stage.querySelector<HTMLButtonElement>("[data-film-play]");
  const wrong = stage.parentElement?.querySelector<HTMLElement>("[data-film-wrong]");
  if (!video || !button) return;
  const tell = (isWrong: boolean): void => {
    if (wrong) wrong.hidden = !isWrong;
    button.hidden = !isWrong;
    video.controls = !isWrong;
  };
  button.addEventListener("click", () => {
    tell(false);
    void open(video, () => {
      tell(true);
    });
  });
}

async function open(video: HTMLVideoElement, failed: () => void): Promise<void> {
  const playlist = video.dataset["film"] ?? "";
  try {
    const { default: Player } = await import("hls.js/light");
    if (Player.isSupported()) {
      const player = new Player({ maxBufferLength: 30 });
      player.on(Player.Events.ERROR, (_event, told) => {
        if (!told.fatal) return;
        player.destroy();
        failed();
      });
      player.loadSource(playlist);
      player.attachMedia(video);
    } else {
      video.addEventListener("error", failed, { once: true });
      video.src = playlist;
    }
    video.focus();
    await video.play();
  } catch (error) {
    // Pressed again, or paused before it began: the browser says so and nothing is wrong.
    if (!(error instanceof DOMException && error.name === "AbortError")) failed();
  }
}

for (const stage of document.querySelectorAll<HTMLElement>(".film-stage")) listen(stage);
