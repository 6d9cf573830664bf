// Draws the icons of the home screen from icon.svg: `node icons.mjs icon.svg outputFolder`. Run by ../hatch_build.py.

import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { initWasm, Resvg } from "@resvg/resvg-wasm";

const [source, folder] = process.argv.slice(2);
const GROUND = "#ffffff";

await initWasm(readFileSync(createRequire(import.meta.url).resolve("@resvg/resvg-wasm/index_bg.wasm")));
const drawing = readFileSync(source, "utf8").replace(/^<svg[^>]*>|<\/svg>\s*$/g, "");

/** `share`: how much of the picture the drawing fills; what phones cut off a maskable icon lies outside of 80 %. */
function draw(name, pixels, share, round) {
  const inner = 32 * share;
  const place = (32 - inner) / 2;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
    <rect width="32" height="32" rx="${round ? 7 : 0}" fill="${GROUND}"/>
    <g transform="translate(${place} ${place}) scale(${share})">${drawing}</g></svg>`;
  const drawn = new Resvg(svg, { fitTo: { mode: "width", value: pixels } }).render();
  writeFileSync(join(folder, name), drawn.asPng());
}

draw("icon-192.png", 192, 0.8, true);
draw("icon-512.png", 512, 0.8, true);
draw("icon-maskable-512.png", 512, 0.6, false);
draw("icon-180.png", 180, 0.72, false); // Apple rounds it by itself
