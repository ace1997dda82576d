import { useEffect, useMemo, useState } from "preact/hooks";
import { askLines } from "../api.js";
import { getListed } from "./downloads.js";
import { count, exactSize, exactTime, formatAge, formatSize, sentence } from "../kit/format.js";
import { html } from "../kit/html.js";
import { SaveButton } from "../kit/save_link.js";
import { shares } from "../live.js";
import { VirtualList } from "../kit/virtual_list.js";

/** Most entries that are shown of a folder: so many are listed without lag. */
const SHOWN = 100_000;
/** Lines that are read before the browser may paint again. */
const SLICE = 500;

const KINDS = { folder: "folder", link: "link" };

/** The address of a folder's view, after `#`. */
export const folderAddress = ({ name, id, publisher }) =>
  `files/${encodeURIComponent(name)}/${id}${publisher ? `/${publisher}` : ""}`;

/** The folder that an address is of; undefined when it is of none. */
export function folderOfAddress(address) {
  const [, name, id, publisher] =
    /^files\/([^/]+)\/([0-9a-f]{64})(?:\/([0-9a-f]{64}))?$/.exec(address) ?? [];
  try {
    return name === undefined ? undefined : { name: decodeURIComponent(name), id, publisher };
  } catch {
    return undefined;
  }
}

/** What is in a folder, by its verified manifest. */
export function FolderView({ name, id, publisher, narrow }) {
  const { state, list, more, error, again } = useEntries(name, id, publisher);
  const [wanted, setWanted] = useState("");
  const shown = useMemo(() => {
    const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
    return words.length === 0
      ? list
      : list.filter(({ lower }) => words.every((word) => lower.includes(word)));
  }, [list, wanted]);
  const here = shares.get(name)?.id === id;
  return html`
    <section class="files" aria-label=${`Folder ${name}`}>
      <div class="line">
        <a class="button" href="#files">← All files</a>
        <h2 class="text grow" title=${`${name}\n${id}`}>${name}</h2>
        ${!here && html`
          <button class="primary" onClick=${() => getListed(name)}>Get all of it</button>
        `}
      </div>
      <div class="toolbar">
        <input
          type="search"
          placeholder="Search in this folder…"
          aria-label="Search in this folder"
          value=${wanted}
          onInput=${(event) => setWanted(event.target.value)}
        />
        <span class="count" role="status">${state === "ready" && counted(list, shown)}</span>
      </div>
      ${more &&
        html`<p class="banner warn">Only the first ${
          SHOWN.toLocaleString("en")
        } entries are listed.</p>`}
      ${state === "failed" && html`
        <p class="banner failed" role="alert">
          The folder can’t be looked into: ${sentence(error.message)}
          <button onClick=${again}>Try again</button>
        </p>
      `}
      ${state === "loading" && html`
        <div class="state" role="status"><span class="spinner"></span> Asking who has it…</div>
      `}
      ${state === "ready" && list.length === 0 &&
        html`
          <div class="state">
            <h2>It is empty</h2>
          </div>
        `}
      ${list.length > 0 && shown.length === 0 &&
        html`
          <div class="state">
            <h2>Nothing in it matches “${wanted}”</h2>
          </div>
        `}
      ${shown.length > 0 && html`
        <${VirtualList}
          items=${shown}
          rowHeight=${narrow ? 76 : 44}
          label=${`Entries of ${name}`}
          header=${HEADER}
          renderRow=${(entry, index) =>
            html`
              <${Entry}
                key=${entry.path}
                entry=${entry}
                folder=${name}
                publisher=${publisher}
                index=${index}
                height=${narrow ? 76 : 44}
              />
            `}
        />
      `}
    </section>
  `;
}

const HEADER = html`
  <div class="row entry head" role="row" aria-rowindex="1">
    <div role="columnheader" class="cell">Name</div>
    <div role="columnheader" class="cell size">Size</div>
    <div role="columnheader" class="cell age">Age</div>
    <div role="columnheader" class="cell actions"><span class="hidden">Actions</span></div>
  </div>
`;

function Entry({ entry, folder, publisher, index, height }) {
  const { path, type, size, mtime, id, target } = entry;
  const file = type === "file";
  return html`
    <div class="row entry" role="row" aria-rowindex=${index} style=${{ height: `${height}px` }}>
      <div class="cell name" role="cell">
        <span class="text" title=${path}>${path}${type === "folder" && "/"}</span>
        ${KINDS[type] &&
          html`<span class="badge">${type === "link" ? `link to ${target}` : KINDS[type]}</span>`}
      </div>
      <div class="cell size" role="cell" title=${exactSize(size)}>${file && formatSize(size)}</div>
      <div class="cell age" role="cell" title=${file ? exactTime(mtime) : ""}>${file &&
        formatAge(mtime)}</div>
      <div class="cell actions" role="cell">${file &&
        html`<${SaveButton} name=${`${folder}/${path}`} id=${id} publisher=${publisher} />`}</div>
    </div>
  `;
}

function counted(list, shown) {
  const files = (some) => some.filter(({ type }) => type === "file");
  const all = files(list);
  const size = formatSize(all.reduce((sum, { size }) => sum + size, 0));
  return list === shown
    ? `${count(all.length, "file")}, ${size}`
    : `${files(shown).length.toLocaleString("en")} of ${count(all.length, "file")}`;
}

/** The entries of a folder: `state` is `loading`, `ready` or `failed`. */
function useEntries(name, id, publisher) {
  const [tries, setTries] = useState(0);
  const [loaded, setLoaded] = useState({ state: "loading", list: [] });
  useEffect(() => {
    const gone = new AbortController();
    setLoaded({ state: "loading", list: [] });
    load({ name, id, publisher }, gone.signal).then(setLoaded, (error) => {
      if (!gone.signal.aborted) setLoaded({ state: "failed", list: [], error });
    });
    return () => gone.abort();
  }, [name, id, publisher, tries]);
  return { ...loaded, again: () => setTries(tries + 1) };
}

async function load({ name, id, publisher }, signal) {
  const list = [];
  const query = new URLSearchParams({ name, id, ...(publisher && { publisher }) });
  for await (const { result, error } of askLines("GET", `/api/folder?${query}`, { signal })) {
    if (error) throw new Error(error.message);
    if (list.length === SHOWN) return { state: "ready", list, more: true };
    result.lower = result.path.toLowerCase();
    list.push(result);
    if (list.length % SLICE === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  return { state: "ready", list };
}
