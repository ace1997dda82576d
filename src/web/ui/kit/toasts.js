import { signal } from "@preact/signals";
import { html } from "./html.js";

/** Time for which good news stays, in milliseconds. Bad news stays until it is dismissed. */
const STAYS_MS = 6_000;

/** Most good news, and most bad news, at a time: the oldest gives way. */
const GOOD = 3;
const BAD = 20;

const toasts = signal([]);
let next = 1;

function add(toast) {
  const id = next++;
  const all = [...toasts.value, { ...toast, id }];
  const good = all.filter(({ failed }) => !failed).slice(-GOOD);
  const bad = all.filter(({ failed }) => failed).slice(-BAD);
  toasts.value = all.filter((one) => good.includes(one) || bad.includes(one));
  return id;
}

function dismiss(id) {
  toasts.value = toasts.value.filter((toast) => toast.id !== id);
}

/** Says that something is done; `undo` is what takes it back, where that can be done. */
export function tell(text, undo) {
  const id = add({ text, undo });
  setTimeout(() => dismiss(id), STAYS_MS);
}

/** Says what failed. */
export function tellError(error) {
  add({ text: error.message, failed: true });
}

export function Toasts() {
  return html`
    <div class="toasts" role="status" aria-live="polite">
      ${toasts.value.map(({ id, text, failed, undo }) =>
        html`
          <div key=${id} class=${failed ? "toast failed" : "toast"} role=${failed
            ? "alert"
            : undefined}>
            <span class="grow">${text}</span>
            ${undo && html`<button onClick=${() => {
              dismiss(id);
              undo();
            }}>Undo</button>`}
            <button class="quiet icon" aria-label="Dismiss" onClick=${() => dismiss(id)}>✕</button>
          </div>
        `
      )}
    </div>
  `;
}
