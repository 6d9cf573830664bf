// A draft as its teachers look at it: the packaged video with its subtitles, played by hls.js or the browser itself.
// There is no sitting behind it, so nothing is reported and nothing is ever earned.

async function play(video: HTMLVideoElement, playlist: string): Promise<void> {
  const { default: Player } = await import("hls.js/light");
  if (Player.isSupported()) {
    const player = new Player({ maxBufferLength: 30 });
    player.loadSource(playlist);
    player.attachMedia(video);
  } else {
    video.src = playlist;
  }
  video.dataset["ready"] = "true";
}

for (const video of document.querySelectorAll<HTMLVideoElement>("video[data-preview]")) {
  void play(video, video.dataset["preview"] ?? "");
}
