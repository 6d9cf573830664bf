// Names of the caches that downloads live in, as the page, the worker and signing out know them.

/** Everything of ours begins so. */
export const OURS = "elearn-";
/** Lesson pages of downloaded lessons, by path. */
export const PAGES = "elearn-pages";
/** Scripts and styles of one build; its version follows. */
export const ASSETS = "elearn-assets-";
/** Encrypted media and pictures of downloaded lessons, by address. */
export const MEDIA = "elearn-media";
/** What a page asks of the worker: keep what lessons play with; it answers on the port that comes along. */
export const KEEP_LESSONS = "keep-lessons";
