import { signal } from "@preact/signals";
import { change } from "../browse/downloads.js";
import { askJson } from "../api.js";
import { confirm } from "../kit/dialog.js";
import { count, exactSize, formatRate, formatSize } from "../kit/format.js";
import { html } from "../kit/html.js";
import { SelectBox, Selection, SelectionBar } from "../kit/selection.js";
import { tellError } from "../kit/toasts.js";
import { VirtualList } from "../kit/virtual_list.js";

/** Pixels of a row. */
const ROW_PX = 52;

const selection = new Selection();
const wanted = signal("");
const by = signal("order");

const ORDERS = {
  order: ["As started", () => 0],
  name: ["Name", (a, b) => a.name < b.name ? -1 : 1],
  percent: ["Progress", (a, b) => (b.percent ?? 0) - (a.percent ?? 0)],
  size: ["Size", (a, b) => (b.size ?? 0) - (a.size ?? 0)],
  rate: ["Rate", (a, b) => (b.rate ?? 0) - (a.rate ?? 0)],
};

const keyOf = ({ id, transfer, job }) => id ?? `${transfer ?? job}`;
const isActive = ({ state }) => state === "active";
const isPaused = ({ state }) => state === "paused";

/** Pauses, resumes or cancels several downloads; of those that wait in turn, only the last can be done. */
export async function changeAll(what, downloads) {
  const fits = {
    pause: downloads.filter(isActive),
    resume: downloads.filter(isPaused),
    cancel: downloads,
  }[what];
  if (
    what === "cancel" && !await confirm(
      `Cancel ${count(fits.length, "download")}?`,
      "What was fetched of them so far will be removed.",
      "Cancel the downloads",
    )
  ) return;
  for (const one of fits) {
    if (one.state === "waiting") {
      await askJson("DELETE", `/api/v1/jobs/${one.job}`).catch(tellError);
    } else await change(what, one);
  }
  if (what === "cancel") selection.clear();
}

/** Many downloads in rows that stay quick, whatever their number. `onOpen` shows one with all that is known. */
export function DownloadList({ downloads, onOpen }) {
  const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
  const shown = downloads
    .filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)))
    .sort(ORDERS[by.value][1]);
  const order = () => shown.map(keyOf);
  const selected = downloads.filter((one) => selection.has(keyOf(one)));
  const action = (label, what, fits) => ({
    label,
    disabled: !selected.some(fits),
    run: () => changeAll(what, selected),
  });
  return html`
    <div class="toolbar">
      <input type="search" aria-label="Search downloads" placeholder="Search downloads…"
        value=${wanted} onInput=${(event) => wanted.value = event.target.value} />
      <label class="line">Sort by
        <select value=${by.value} onChange=${(event) => by.value = event.target.value}>
          ${Object.entries(ORDERS).map(([key, [label]]) =>
            html`<option key=${key} value=${key}>${label}</option>`
          )}
        </select>
      </label>
      <span class="count">${count(downloads.length, "download")}</span>
    </div>
    <${SelectionBar} selection=${selection} order=${order} actions=${[
      action("Pause", "pause", isActive),
      action("Resume", "resume", isPaused),
      action("Cancel", "cancel", () => true),
    ]} />
    ${shown.length > 0 && html`
      <${VirtualList}
        items=${shown}
        rowHeight=${ROW_PX}
        label="Downloads"
        header=${HEADER}
        renderRow=${(one, index) =>
          html`
            <${Row} key=${keyOf(one)} download=${one} index=${index} order=${order}
              onOpen=${onOpen} />
          `}
      />
    `}
  `;
}

const HEADER = html`
  <div class="row transfer head" role="row" aria-rowindex="1">
    <div role="columnheader" class="cell">Name</div>
    <div role="columnheader" class="cell">Progress</div>
    <div role="columnheader" class="cell actions"><span class="hidden">Actions</span></div>
  </div>
`;

function Row({ download, index, order, onOpen }) {
  const { name, state, percent = 0, bytes = 0, size, rate, on_request } = download;
  const says = state === "active"
    ? `${Math.floor(percent)} % · ${formatRate(rate ?? 0)}`
    : state === "waiting"
    ? "in the queue"
    : `${Math.floor(percent)} % · ${on_request ? "paused" : "waiting"}`;
  return html`
    <div class="row transfer" role="row" aria-rowindex=${index} data-state=${state}
      style=${{ height: `${ROW_PX}px` }}>
      <div class="cell name" role="cell">
        <${SelectBox} selection=${selection} id=${keyOf(download)} label=${name} order=${order} />
        ${state === "waiting"
          ? html`<span class="text" title=${name}>${name}</span>`
          : html`<button class="quiet text open" title=${name} onClick=${() =>
            onOpen(keyOf(download))}>${name}</button>`}
      </div>
      <div class="cell progress" role="cell" title=${size &&
        `${exactSize(bytes)} of ${exactSize(size)}`}>
        <progress aria-label=${`Progress of ${name}`} max="100" value=${percent}></progress>
        <span class="dim">${says}${size ? ` · ${formatSize(size)}` : ""}</span>
      </div>
      <div class="cell actions" role="cell">
        ${state === "active" &&
          html`<button aria-label=${`Pause ${name}`} onClick=${() =>
            change("pause", download)}>Pause</button>`}
        ${state === "paused" &&
          html`<button aria-label=${`Resume ${name}`} onClick=${() =>
            change("resume", download)}>Resume</button>`}
        <button aria-label=${`Cancel ${name}`} onClick=${() =>
          changeAll("cancel", [download])}>Cancel</button>
      </div>
    </div>
  `;
}
