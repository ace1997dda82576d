import { askInDialog, confirm } from "../kit/dialog.js";
import { askJson, startJob } from "../api.js";
import { count, exactSize, exactTime, formatAge, formatSize, shortId } from "../kit/format.js";
import { candidatesOf, loadOffers } from "./files_store.js";
import { html } from "../kit/html.js";
import { failureText, isAskedFor } from "../kit/sentences.js";
import { notify } from "../kit/notify.js";
import { tell, tellError } from "../kit/toasts.js";

/** The downloads that this page waits for, by name and id: a second press starts no second one. */
const waited = new Set();

/**
 * Fetches a file, and reports how that ended. An obstacle becomes a question: which of several
 * contents is meant, or whether to replace a file. The peer goes on when the page is closed.
 */
export async function get(request) {
  const key = `${request.id} ${request.name}`;
  if (waited.has(key)) return;
  waited.add(key);
  try {
    // An id that the user did not type holds only together with its publisher: lists are unsigned.
    const { result } = await startJob({ get: request });
    const { up_to_date } = await result;
    const { name } = request;
    const text = up_to_date ? `${name} is already here.` : `${name} is here, whole and verified.`;
    tell(text);
    notify(text);
  } catch (error) {
    waited.delete(key);
    await mend(request, error);
  } finally {
    waited.delete(key);
  }
}

/**
 * Fetches what is listed under a name: the same way of trust for every button. By its name where that
 * says all, so that its publisher is remembered with the first file; else after a question.
 */
export async function getListed(name) {
  const candidates = candidatesOf(name);
  if (candidates.length > 1 || candidates.some(({ trust }) => trust === "other")) {
    await getChosen(name, candidates);
  } else await get({ name });
}

function isChecked(id) {
  const box = /** @type {HTMLInputElement | null} */ (document.getElementById(id));
  return box?.checked ?? false;
}

/** Brings shared files up to date, after it was said what that changes. */
export async function updateAll(rows) {
  const bytes = rows.reduce((sum, { update }) => sum + update.whole, 0);
  const folders = rows.filter(({ kind }) => kind === "folder");
  const what = rows.length === 1 ? rows[0].name : count(rows.length, "file");
  const choice = await askInDialog(`Update ${what}?`, (answer) =>
    html`
      <p>${rows.length === 1
        ? `The same publisher has a newer version, of ${formatAge(rows[0].update.time)}`
        : "Their publishers have newer versions"}: ${formatSize(
          bytes,
        )} in all. What has not changed is
        not fetched again, and the old version stays until the new one is whole.</p>
      ${folders.length > 0 && html`
        <p>Your own files in ${folders.length === 1
          ? folders[0].name
          : "these folders"} stay, unless the new
        version has another file of the same name.</p>
        <label class="check"><input type="checkbox" id="delete-gone" /> Delete what the new version does not
        have any more, your own files included</label>
      `}
      <div class="buttons">
        <button onClick=${() => answer(undefined)}>Cancel</button>
        <button class="primary" autofocus onClick=${() =>
          answer({
            delete: isChecked("delete-gone") || undefined,
          })}>Update</button>
      </div>
    `);
  if (!choice) return;
  for (const { name, kind } of rows) {
    get({ name, update: true, delete: kind === "folder" ? choice.delete : undefined });
  }
}

/** Asks about what stands in the way of a download, or says it. */
async function mend(request, error) {
  const { name, overwrite } = request;
  if (error.kind === "ambiguous" && error.candidates) {
    await getChosen(name, error.candidates, overwrite);
  } else if (error.kind === "destination" && !overwrite) {
    const text =
      "A different file of that name is in the shared folder. Replacing it can’t be undone.";
    if (await confirm(`Replace ${name}?`, text, "Replace")) {
      await get({ ...request, overwrite: true });
    }
  } else if (!isAskedFor(error)) {
    tellError({ message: failureText(error, name) });
    notify(failureText(error, name));
  }
}

/** Lets the user choose one of several contents of a name, and whether to trust its publisher. */
async function getChosen(name, candidates, overwrite) {
  const chosen = await chooseCandidate(name, candidates);
  if (!chosen) return;
  const { one: { id, publisher }, trust } = chosen;
  try {
    if (trust) {
      await askJson("POST", "/api/v1/trust", { name, publisher });
      void loadOffers();
    }
  } catch (error) {
    return tellError(error);
  }
  await get({ name, id, publisher: publisher || undefined, overwrite });
}

function chooseCandidate(name, candidates) {
  const text = candidates.length > 1
    ? `There are ${candidates.length} versions of it. Choose the one from a publisher you trust.`
    : "It is not from the remembered publisher of this name. It may be another file.";
  return askInDialog(candidates.length > 1 ? `Which ${name}?` : `Get ${name}?`, (answer) =>
    html`
      <p>${text}</p>
      <ul class="candidates">
        ${candidates.map((one) =>
          html`<${Candidate} key=${`${one.id} ${one.publisher}`} one=${one} answer=${answer} />`
        )}
      </ul>
      <div class="buttons"><button onClick=${() => answer(undefined)}>Cancel</button></div>
    `);
}

function Candidate({ one, answer }) {
  const mayTrust = one.trust === "unknown" || one.trust === "other";
  return html`
    <li>
      <div>
        <strong title=${exactSize(one.size)}>${formatSize(one.size)}</strong>
        <span> from publisher <code title=${one.publisher}>${shortId(one.publisher)}</code></span>
        ${one.trust === "trusted" && html`<span class="badge on">known</span>`}
        <div class="dim">
          id <code title=${one.id}>${shortId(one.id)}</code>
          <span title=${exactTime(one.time)}>${` · ${formatAge(one.time)}`}</span>
          ${` · ${count(one.sources, "source")}`}
        </div>
      </div>
      <div class="choices">
        <button class="primary" onClick=${() => answer({ one })}>Get this one</button>
        ${mayTrust &&
          html`
            <button
              title="From now on, this name is this publisher’s"
              onClick=${() => answer({ one, trust: true })}
            >Trust, and get</button>
          `}
      </div>
    </li>
  `;
}

/** `pause`, `resume` or `cancel` a download; what fails is said. */
export async function change(what, { name, id }) {
  try {
    if (what === "cancel") {
      const query = new URLSearchParams({ name, ...(id && { id }) });
      await askJson("DELETE", `/api/v1/downloads?${query}`);
    } else await askJson("POST", `/api/v1/downloads/${what}`, { name, id });
  } catch (error) {
    if (!isAskedFor(error)) tellError({ message: failureText(error, name) });
  }
}
