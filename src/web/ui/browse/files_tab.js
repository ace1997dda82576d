import { useEffect, useRef, useState } from "preact/hooks";
import { signal } from "@preact/signals";
import { askJson } from "../api.js";
import { get, getListed, updateAll } from "./downloads.js";
import { FileRow } from "./file_row.js";
import { folderOfAddress, FolderView } from "./folder_view.js";
import {
  loadOffers,
  offers,
  order,
  orderOfShown,
  query,
  rows,
  scope,
  selection,
  shown,
  updates,
} from "./files_store.js";
import { count, sentence } from "../kit/format.js";
import { html } from "../kit/html.js";
import { connection, shares, sharesMoved } from "../live.js";
import { SelectionBar } from "../kit/selection.js";
import { failureText } from "../kit/sentences.js";
import { SharePanel } from "./share_panel.js";
import { sharePath } from "./uploads.js";
import { tell, tellError } from "../kit/toasts.js";
import { VirtualList } from "../kit/virtual_list.js";

/** Interval of loading the list while it shows, in milliseconds: short lists more often. */
const REFRESH_MS = 3_000;
const LONG_REFRESH_MS = 30_000;
const LONG = 2_000;

const COLUMNS = [
  { by: "name", label: "Name" },
  { by: "size", label: "Size" },
  { by: "publisher", label: "Publisher" },
  { by: "sources", label: "Sources" },
  { by: "age", label: "Age" },
];
const SCOPES = [["all", "All"], ["mine", "Shared by me"], ["others", "From others"]];

/** Signals for windows of at most such a width; as in style.css. */
const [narrow, medium] = [720, 960].map((pixels) => {
  const media = matchMedia(`(max-width: ${pixels}px)`);
  const fits = signal(media.matches);
  media.addEventListener("change", () => fits.value = media.matches);
  return fits;
});

const opened = signal(folderOfAddress(location.hash.slice(1)));
addEventListener("hashchange", () => opened.value = folderOfAddress(location.hash.slice(1)));

/** The list of all files, or what is in one folder. */
export function FilesTab() {
  const folder = opened.value;
  return folder
    ? html`<${FolderView} key=${folder.id} ...${folder} narrow=${narrow.value} />`
    : html`<${AllFiles} />`;
}

function AllFiles() {
  const search = useRef(null);
  useEffect(() => {
    let timer;
    let ended = false;
    const again = async () => {
      if (!document.hidden) await loadOffers();
      if (ended) return;
      timer = setTimeout(again, rows.value.length > LONG ? LONG_REFRESH_MS : REFRESH_MS);
    };
    again();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }, []);
  useEffect(() => {
    const onKey = (event) => {
      if (event.key !== "/" || event.target.matches("input, textarea, select")) return;
      event.preventDefault();
      search.current.focus();
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, []);

  return html`
    <section class="files" aria-label="Files">
      <${SharePanel} />
      <div class="toolbar">
        <input
          ref=${search}
          type="search"
          placeholder="Search names…"
          aria-label="Search files"
          title="Press / to search. publisher:ID and id:ID look there."
          value=${query}
          onInput=${(event) => query.value = event.target.value}
        />
        <div class="segments" role="group" aria-label="Which files">
          ${SCOPES.map(([value, label]) =>
            html`
              <button
                key=${value}
                aria-pressed=${scope.value === value}
                onClick=${() => scope.value = value}
              >${label}</button>
            `
          )}
        </div>
        ${medium.value && html`<${Sorting} />`}
        <span class="count" role="status">${counted()}</span>
        ${updates.value.length > 0 && html`
          <button class="primary" onClick=${() => updateAll(updates.value)}>
            Update all (${updates.value.length.toLocaleString("en")})
          </button>
        `}
        <button onClick=${loadOffers} title="Ask the bootstraps again">Refresh</button>
      </div>
      <${Selected} />
      <${Trouble} />
      <${List} />
    </section>
  `;
}

/** In place of the header, where the rows have more than one line. */
function Sorting() {
  const { by, down } = order.value;
  const word = down ? "Descending" : "Ascending";
  return html`
    <div class="segments sorting" role="group" aria-label="Order">
      <select aria-label="Sort by" value=${by} onChange=${(event) =>
        order.value = { by: event.target.value, down }}>
        ${COLUMNS.map(({ by, label }) => html`<option key=${by} value=${by}>${label}</option>`)}
      </select>
      <button aria-label=${`${word}; turn it round`} title=${word} onClick=${() =>
        order.value = { by, down: !down }}>${down ? "↓" : "↑"}</button>
    </div>
  `;
}

function Selected() {
  const all = rows.value.filter(({ key }) => selection.has(key));
  const others = all.filter(({ shared }) => !shared);
  const outdated = all.filter(({ update }) => update);
  const mine = all.filter(({ shared }) => shared);
  const done = (work) => {
    selection.clear();
    return work;
  };
  return html`<${SelectionBar} selection=${selection} order=${orderOfShown} actions=${[
    {
      label: "Get",
      disabled: others.length === 0,
      run: () => done(others.forEach(({ name }) => void getListed(name))),
    },
    {
      label: "Update",
      disabled: outdated.length === 0,
      run: () => done(updateAll(outdated)),
    },
    { label: "Unshare", disabled: mine.length === 0, run: () => done(unshare(...mine)) },
  ]} />`;
}

function counted() {
  const [all, some] = [rows.value.length, shown.value.length];
  if (all === 0 && offers.value.state === "loading") return "";
  return all === some
    ? count(all, "file")
    : `${some.toLocaleString("en")} of ${count(all, "file")}`;
}

/** Says that the list is not what the swarm has now. */
function Trouble() {
  const { state, error } = offers.value;
  if (state !== "failed" || connection.value !== "live") return null;
  return html`
    <p class="banner failed" role="alert">
      The swarm’s files can’t be listed: ${sentence(error.message)}
      ${rows.value.length > 0 ? " What you see may be out of date. " : " "}
      ${error.kind &&
        html`Check the bootstrap’s address in <a href="#settings">Settings</a>.`}
      <button onClick=${loadOffers}>Try again</button>
    </p>
  `;
}

function List() {
  const items = shown.value;
  if (items.length === 0) return html`<${Nothing} />`;
  const rowHeight = narrow.value ? 104 : medium.value ? 76 : 52;
  return html`
    <${VirtualList}
      items=${items}
      rowHeight=${rowHeight}
      label="Files"
      header=${html`<${Header} />`}
      renderRow=${(row, index) =>
        html`
          <${FileRow}
            key=${row.key}
            row=${row}
            index=${index}
            height=${rowHeight}
            onGet=${({ name }) => getListed(name)}
            onUpdate=${(row) => updateAll([row])}
            onUnshare=${unshare}
          />
        `}
    />
  `;
}

function Header() {
  const { by, down } = order.value;
  return html`
    <div class="row head" role="row" aria-rowindex="1">
      ${COLUMNS.map((column) =>
        html`
          <div
            key=${column.by}
            role="columnheader"
            class=${`cell ${column.by}`}
            aria-sort=${by !== column.by ? "none" : down ? "descending" : "ascending"}
          >
            <button
              class="quiet sort"
              onClick=${() => order.value = { by: column.by, down: by === column.by && !down }}
            >
              ${column.label}<span aria-hidden="true">${by !== column.by
                ? ""
                : down
                ? " ↓"
                : " ↑"}</span>
            </button>
          </div>
        `
      )}
      <div role="columnheader" class="cell id">Id</div>
      <div role="columnheader" class="cell actions"><span class="hidden">Actions</span></div>
    </div>
  `;
}

/** The placeholder where there is no file to show. */
function Nothing() {
  const [name, setName] = useState(undefined);
  const wanted = query.value.trim();
  if (rows.value.length === 0 && offers.value.state === "loading") {
    return html`<div class="state" role="status"><span class="spinner"></span> Asking the swarm…</div>`;
  }
  if (wanted === "") {
    return html`
      <div class="state">
        <h2>${scope.value === "all" ? "No files yet" : "None of these"}</h2>
        <p>${scope.value === "others"
          ? "Nobody else shares anything right now. What others share appears here by itself."
          : "Drop a file anywhere on this page to share it. What others share appears here by itself."}</p>
      </div>
    `;
  }
  const ask = async () => {
    setName(wanted);
    await get({ name: wanted, unsigned: true });
    setName(undefined);
  };
  return html`
    <div class="state">
      <h2>No file matches “${wanted}”</h2>
      <p>Older peers don’t list their files, and those are unsigned. They can be asked for one by its exact name.</p>
      <button class="primary" disabled=${name === wanted} onClick=${ask}>
        Ask all peers for “${wanted}”
      </button>
    </div>
  `;
}

/** Stops sharing, which can be taken back: the files are left alone. */
async function unshare(...rows) {
  const gone = [];
  for (const { name } of rows) {
    try {
      const share = await askJson("DELETE", `/api/v1/shares?name=${encodeURIComponent(name)}`);
      gone.push(share);
      shares.delete(name);
      sharesMoved.value++;
    } catch (error) {
      tellError({ message: failureText(error, name) });
    }
  }
  if (gone.length === 0) return;
  const what = gone.length === 1
    ? `${gone[0].name} is not shared any more. The file itself was left alone.`
    : `${
      count(gone.length, "file")
    } are not shared any more. The files themselves were left alone.`;
  tell(
    what,
    () =>
      gone.forEach(({ path, watched }) => void sharePath(path, { watch: watched, again: true })),
  );
  await loadOffers();
}
