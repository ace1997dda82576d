import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { html } from "./html.js";

/** The open questions; the first is shown, the others wait for its answer. */
const asked = signal([]);
let next = 1;

/**
 * Asks in a dialog of its own. `render` gets `answer`, to be called with what is chosen; resolves with
 * that, or undefined when the dialog is left.
 */
export function askInDialog(title, render) {
  return new Promise((resolve) => {
    const key = next++;
    const answer = (value) => {
      asked.value = asked.value.filter((one) => one.key !== key);
      resolve(value);
    };
    asked.value = [...asked.value, { key, title, render, answer }];
  });
}

/** Asks whether to do something that can't be undone: the way out is what has the focus. */
export function confirm(title, text, word) {
  return askInDialog(title, (answer) =>
    html`
      <p>${text}</p>
      <div class="buttons">
        <button onClick=${() => answer(undefined)}>Cancel</button>
        <button class="primary" onClick=${() => answer(true)}>${word}</button>
      </div>
    `);
}

export function Dialog() {
  const [first] = asked.value;
  return first && html`<${Question} ...${first} />`;
}

function Question({ title, render, answer }) {
  const element = useRef(null);
  const chosen = useRef(undefined);
  useEffect(() => element.current.showModal(), []);
  // Closed, not merely removed: so the focus goes back to what had it.
  const choose = (value) => {
    chosen.current = value;
    element.current.close();
  };
  return html`
    <dialog ref=${element} aria-labelledby="dialog-title" onClose=${() => answer(chosen.current)}>
      <h2 id="dialog-title">${title}</h2>
      ${render(choose)}
    </dialog>
  `;
}
