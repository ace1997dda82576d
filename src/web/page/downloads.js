import { askInDialog, confirm } from "./dialog.js";
import { askJson, askResult } from "./api.js";
import { exactSize, exactTime, formatAge, formatSize, shortId } from "./format.js";
import { html } from "./html.js";
import { tell, tellError } from "./toasts.js";

/**
 * Fetches a file, and says how that ended. What stands in the way is asked about: which of several
 * contents is meant, whether to replace what is there. The peer goes on when the page is closed.
 */
export async function get({ name, id, overwrite }) {
  try {
    const body = { name, id, overwrite, background: true };
    const receipt = await askResult("POST", "/api/downloads", { body });
    tell(receipt.up_to_date ? `${name} is already here.` : `${name} is here, whole and verified.`);
  } catch (error) {
    if (error.kind === "ambiguous" && error.candidates) {
      const chosen = await chooseCandidate(name, error.candidates);
      if (chosen) await get({ name, id: chosen, overwrite });
    } else if (error.kind === "destination" && !overwrite) {
      const text =
        "A different file of that name is in the shared folder. Replacing it can’t be undone.";
      if (await confirm(`Replace ${name}?`, text, "Replace it")) {
        await get({ name, id, overwrite: true });
      }
    } else tellError(error);
  }
}

/** Lets the user choose one of several contents of a name; resolves with its id. */
export function chooseCandidate(name, candidates) {
  return askInDialog(`Which ${name}?`, (answer) =>
    html`
      <p>This name stands for ${candidates
        .length} different files. Choose the one from a publisher you trust.</p>
      <ul class="candidates">
        ${candidates.map((one) =>
          html`
            <li key=${one.id}>
              <div>
                <strong title=${exactSize(one.size)}>${formatSize(one.size)}</strong>
                <span> from publisher <code title=${one.publisher}>${shortId(
                  one.publisher,
                )}</code></span>
                <div class="dim">
                  id <code title=${one.id}>${shortId(one.id)}</code> ·
                  <span title=${exactTime(one.time)}> ${formatAge(one.time)}</span> ·
                  ${one.sources} source${one.sources === 1 ? "" : "s"}
                </div>
              </div>
              <button class="primary" onClick=${() => answer(one.id)}>Get this one</button>
            </li>
          `
        )}
      </ul>
      <div class="buttons"><button onClick=${() => answer(undefined)}>Cancel</button></div>
    `);
}

/** `pause`, `resume` or `cancel` a download; what fails is said. */
export async function change(what, { name, id }) {
  try {
    if (what === "cancel") {
      const query = new URLSearchParams({ name, ...(id && { id }) });
      await askJson("DELETE", `/api/downloads?${query}`);
    } else await askJson("POST", `/api/downloads/${what}`, { name, id });
  } catch (error) {
    tellError(error);
  }
}
