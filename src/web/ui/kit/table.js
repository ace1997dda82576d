import { html } from "./html.js";

/** A table that scrolls sideways where the window is narrow. `rows` are `<tr>`s. */
export function Table({ label, heads, rows }) {
  return html`
    <div class="table" tabindex="0" role="region" aria-label=${label}>
      <table>
        <thead>
          <tr>${heads.map((head) => html`<th>${head}</th>`)}</tr>
        </thead>
        <tbody>${rows}</tbody>
      </table>
    </div>
  `;
}
