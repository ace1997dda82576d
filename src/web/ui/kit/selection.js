import { signal } from "@preact/signals";
import { html } from "./html.js";

/** The selected rows of a list, by key. With Shift, all from the one that was pressed last. */
export class Selection {
  keys = signal(new Set());
  #last;

  has(key) {
    return this.keys.value.has(key);
  }

  get size() {
    return this.keys.value.size;
  }

  /** Turns one over, or with `range`, sets all between it and the last one as it; `order` has all keys. */
  toggle(key, order, range) {
    const keys = new Set(this.keys.value);
    const on = !keys.has(key);
    const from = order.indexOf(this.#last);
    const to = order.indexOf(key);
    const some = range && from >= 0
      ? order.slice(Math.min(from, to), Math.max(from, to) + 1)
      : [key];
    for (const one of some) on ? keys.add(one) : keys.delete(one);
    this.#last = key;
    this.keys.value = keys;
  }

  set(keys) {
    this.keys.value = new Set(keys);
  }

  clear() {
    if (this.keys.value.size > 0) this.keys.value = new Set();
  }
}

/** The box that selects a row. */
export function SelectBox({ selection, id, label, order }) {
  return html`
    <input
      type="checkbox"
      class="select"
      aria-label=${`Select ${label}`}
      checked=${selection.has(id)}
      onClick=${(event) => selection.toggle(id, order(), event.shiftKey)}
    />
  `;
}

/** The actions on the selected rows: `actions` are `{label, run, disabled}`; nothing while none is. */
export function SelectionBar({ selection, order, actions }) {
  if (selection.size === 0) return null;
  return html`
    <div class="selected" role="toolbar" aria-label="Selected">
      <span role="status">${selection.size.toLocaleString("en")} selected</span>
      ${actions.map(({ label, run, disabled }) =>
        html`
          <button key=${label} aria-disabled=${Boolean(disabled)} onClick=${() =>
            disabled || run()}>${label}</button>
        `
      )}
      <button class="quiet" onClick=${() => selection.set(order())}>Select all</button>
      <button class="quiet" onClick=${() => selection.clear()}>Select none</button>
    </div>
  `;
}
