// A button that copies what a field holds; it appears only where the browser can copy (not on plain HTTP).

export function attachCopying(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-copy]")) {
    const field = document.querySelector<HTMLInputElement>(button.dataset["copy"] ?? "");
    if (!field || !navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", () => {
      void navigator.clipboard.writeText(field.value).then(
        () => (button.textContent = button.dataset["copied"] ?? button.textContent),
        () => field.select(), // not allowed: the reader copies it by hand
      );
    });
  }
}
