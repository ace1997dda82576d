import { save } from "../api.js";
import { html } from "./html.js";
import { tellError } from "./toasts.js";
import { useState } from "preact/hooks";

/**
 * A button that saves a file of the swarm with the browser; a file in a folder goes by its path. The
 * publisher is that of the file, or of its folder.
 */
export function SaveButton({ name, id, publisher }) {
  const [asking, setAsking] = useState(false);
  const press = async () => {
    if (asking) return;
    setAsking(true);
    await save({ name, id, publisher }).catch(tellError);
    setAsking(false);
  };
  return html`
    <button
      class="quiet"
      aria-label=${`Save ${name} with the browser`}
      aria-disabled=${asking}
      title="Save with the browser, while it still arrives"
      onClick=${press}
    >${asking ? "Asking…" : "Save"}</button>
  `;
}
