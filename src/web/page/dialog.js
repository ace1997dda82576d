import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { html } from "./html.js";

const open = signal(null);

/**
 * Asks in a dialog of its own. `render` gets `answer`, to be called with what is chosen; resolves with
 * that, or undefined when the dialog is left.
 */
export function askInDialog(title, render) {
  return new Promise((resolve) => {
    open.value = {
      title,
      render,
      answer(value) {
        open.value = null;
        resolve(value);
      },
    };
  });
}

/** Asks whether to do something. */
export function confirm(title, text, word) {
  return askInDialog(title, (answer) =>
    html`
      <p>${text}</p>
      <div class="buttons">
        <button onClick=${() => answer(undefined)}>Leave it</button>
        <button class="primary" autofocus onClick=${() => answer(true)}>${word}</button>
      </div>
    `);
}

export function Dialog() {
  const element = useRef(null);
  const asked = open.value;
  useEffect(() => {
    if (asked && !element.current.open) element.current.showModal();
  }, [asked]);
  if (!asked) return null;
  return html`
    <dialog ref=${element} aria-labelledby="dialog-title" onClose=${() => asked.answer(undefined)}>
      <h2 id="dialog-title">${asked.title}</h2>
      ${asked.render(asked.answer)}
    </dialog>
  `;
}
