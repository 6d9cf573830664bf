// The light build has the same types as the whole one; its package names them only there.
declare module "hls.js/light" {
  export { default } from "hls.js";
  export * from "hls.js";
}
