// Dialogs also where the browser has no showModal (iOS before 15.4).

export function showModal(dialog: HTMLDialogElement): void {
  if (dialog.open) return;
  if (typeof dialog.showModal === "function") dialog.showModal();
  else dialog.setAttribute("open", "");
}

export function hideModal(dialog: HTMLDialogElement): void {
  if (!dialog.open) return;
  if (typeof dialog.close === "function") dialog.close();
  else dialog.removeAttribute("open");
}

/** Ask a yes-or-no dialog of the page; resolves with the `value` of the button pressed, "" when put away. */
export function ask(dialog: HTMLDialogElement): Promise<string> {
  showModal(dialog);
  return new Promise((resolve) => {
    const done = (value: string): void => {
      dialog.onclick = dialog.oncancel = null;
      hideModal(dialog);
      resolve(value);
    };
    dialog.onclick = (event) => {
      const button = event.target instanceof Element ? event.target.closest("button") : null;
      if (button) done(button.value);
    };
    dialog.oncancel = () => done("");
  });
}
