// Chinese lessons on English pages: a voice that reads them has to know which language each text is in.

const HAN = /[\u3400-\u9fff]/;

/** The text of `element`. */
export function write(element: HTMLElement, text: string): void {
  element.textContent = text;
  mark(element, text);
}

/** Say of `element`, which holds `text`, that it is Chinese, where the page is not. */
export function mark(element: HTMLElement, text: string): void {
  if (HAN.test(text) && !document.documentElement.lang.startsWith("zh")) element.lang = "zh-CN";
  else element.removeAttribute("lang");
}
