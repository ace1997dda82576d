import { html } from "./html.js";

/** What saves a file of the swarm with the browser; a file in a folder goes by its path. */
export function saveLink(name, id) {
  const path = name.split("/").map(encodeURIComponent).join("/");
  return html`
    <a
      class="button quiet"
      href=${`/files/${path}?id=${id}`}
      download
      aria-label=${`Save ${name} with the browser`}
      title="Save with the browser, while it still arrives"
    >Save</a>
  `;
}
