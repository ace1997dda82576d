import { useEffect, useMemo, useState } from "preact/hooks";
import { askResults } from "../api.js";
import { get, getListed } from "./downloads.js";
import { count, exactSize, exactTime, formatAge, formatSize, sentence } from "../kit/format.js";
import { html } from "../kit/html.js";
import { SaveButton } from "../kit/save_link.js";
import { shares } from "../live.js";
import { VirtualList } from "../kit/virtual_list.js";

/** Most entries that are shown of a folder: so many are listed without lag. */
const SHOWN = 100_000;

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

/**
 * The view of each folder when it was left: what is open in it, searched for, and how it is sorted;
 * by its id.
 */
const places = new Map();
const TOP = { at: "", wanted: "", by: "name", down: false };

/** The entries of a folder as a tree, by its verified manifest. */
export function FolderView({ name, id, publisher, narrow }) {
  const { state, list, more, error, again } = useEntries(name, id, publisher);
  const [place, setPlace] = useState(places.get(id) ?? TOP);
  const move = (changes) => {
    places.set(id, { ...place, ...changes });
    setPlace(places.get(id));
  };
  const { at, wanted, by, down } = place;
  const shown = useMemo(() => sortedEntries(entriesAt(list, place), place), [list, place]);
  const here = shares.get(name)?.id === id;
  const parts = at === "" ? [] : at.split("/");
  return html`
    <section class="files" aria-label=${`Folder ${name}`}>
      <div class="line crumbs">
        <a class="button" href="#files">← All files</a>
        <h2 class="text grow" title=${`${name}\n${id}`}>${parts.length === 0
          ? name
          : html`<button class="quiet" onClick=${() => move({ at: "" })}>${name}</button>`}${parts
          .map((part, depth) =>
            html`
              <span aria-hidden="true"> / </span>${depth === parts.length - 1
                ? part
                : html`<button class="quiet" onClick=${() =>
                  move({ at: parts.slice(0, depth + 1).join("/") })}>${part}</button>`}
            `
          )}</h2>
        ${!here && html`
          <button class="primary" onClick=${() =>
            at === "" ? getListed(name) : get({ name: `${name}/${at}` })}>${at === ""
            ? "Get all of it"
            : "Get this folder"}</button>
        `}
      </div>
      <div class="toolbar">
        <input
          type="search"
          placeholder="Search in this folder…"
          aria-label="Search in this folder"
          value=${wanted}
          onInput=${(event) => move({ wanted: event.target.value })}
        />
        <span class="count" role="status">${state === "ready" && counted(list, place, shown)}</span>
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
        <div class="state" role="status"><span class="spinner"></span> Asking the peers that have it…</div>
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
            <h2>${wanted ? html`Nothing in it matches “${wanted}”` : "It is empty"}</h2>
          </div>
        `}
      ${shown.length > 0 && html`
        <${VirtualList}
          items=${shown}
          rowHeight=${narrow ? 76 : 44}
          label=${`Entries of ${name}`}
          header=${html`<${Header} by=${by} down=${down} onSort=${move} />`}
          renderRow=${(entry, index) =>
            html`
              <${Entry}
                key=${entry.path}
                entry=${entry}
                folder=${name}
                publisher=${publisher}
                here=${here}
                onOpen=${() => move({ at: entry.path, wanted: "" })}
                index=${index}
                height=${narrow ? 76 : 44}
              />
            `}
        />
      `}
    </section>
  `;
}

/**
 * The entries right below `at`, folders with the size and number of their content; or all below it
 * that match.
 */
function entriesAt(list, { at, wanted }) {
  const prefix = at === "" ? "" : `${at}/`;
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length > 0) {
    return list.filter(({ path, lower }) =>
      path.startsWith(prefix) && words.every((word) => lower.includes(word, prefix.length))
    ).map((entry) => ({ ...entry, label: entry.path.slice(prefix.length) }));
  }
  const found = new Map();
  for (const entry of list) {
    if (!entry.path.startsWith(prefix)) continue;
    const [label, ...below] = entry.path.slice(prefix.length).split("/");
    if (below.length === 0 && entry.type !== "folder") found.set(label, { ...entry, label });
    else {
      const folder = found.get(label) ??
        {
          type: "folder",
          path: prefix + label,
          label,
          lower: label.toLowerCase(),
          size: 0,
          files: 0,
        };
      if (entry.type === "file") {
        folder.size += entry.size;
        folder.files++;
      }
      found.set(label, folder);
    }
  }
  return [...found.values()];
}

const KEYS = {
  name: ({ lower }) => lower,
  size: ({ size }) => size ?? 0,
  age: ({ mtime }) => -(mtime ?? 0),
};

/** In their order, folders before files. */
function sortedEntries(entries, { by, down }) {
  const key = KEYS[by];
  const sign = down ? -1 : 1;
  const isFile = ({ type }) => type === "folder" ? 0 : 1;
  return entries.sort((a, b) => {
    if (isFile(a) !== isFile(b)) return isFile(a) - isFile(b);
    const [x, y] = [key(a), key(b)];
    return x === y ? (a.lower < b.lower ? -1 : 1) : x < y ? -sign : sign;
  });
}

function Header({ by, down, onSort }) {
  return html`
    <div class="row entry head" role="row" aria-rowindex="1">
      ${[["name", "Name"], ["size", "Size"], ["age", "Age"]].map(([column, label]) =>
        html`
          <div role="columnheader" key=${column} class=${`cell ${column}`}
            aria-sort=${by !== column ? "none" : down ? "descending" : "ascending"}>
            <button class="quiet sort"
              onClick=${() =>
                onSort({
                  by: column,
                  down: by === column && !down,
                })}>${label}<span aria-hidden="true">${by !== column
                ? ""
                : down
                ? " ↓"
                : " ↑"}</span></button>
          </div>
        `
      )}
      <div role="columnheader" class="cell actions"><span class="hidden">Actions</span></div>
    </div>
  `;
}

function Entry({ entry, folder, publisher, here, onOpen, index, height }) {
  const { path, label, type, size, files, mtime, id, target } = entry;
  const file = type === "file";
  const name = `${folder}/${path}`;
  return html`
    <div class="row entry" role="row" aria-rowindex=${index} style=${{ height: `${height}px` }}>
      <div class="cell name" role="cell">
        ${type === "folder"
          ? html`<button class="quiet text open" title=${path} onClick=${onOpen}>${label}/</button>
            ${files !== undefined && html`<span class="badge">${count(files, "file")}</span>`}`
          : html`<span class="text" title=${path}>${label}</span>`}
        ${type === "link" && html`<span class="badge">link to ${target}</span>`}
      </div>
      <div class="cell size" role="cell" title=${exactSize(size)}>${size !== undefined &&
        formatSize(size)}</div>
      <div class="cell age" role="cell" title=${file ? exactTime(mtime) : ""}>${file &&
        formatAge(mtime)}</div>
      <div class="cell actions" role="cell">
        ${file && html`<${SaveButton} name=${name} id=${id} publisher=${publisher} />`}
        ${!here && type !== "link" &&
          html`<button aria-label=${`Get ${path}`} onClick=${() => get({ name })}>Get</button>`}
      </div>
    </div>
  `;
}

function counted(list, { at, wanted }, shown) {
  const prefix = at === "" ? "" : `${at}/`;
  const all = list.filter(({ type, path }) => type === "file" && path.startsWith(prefix));
  const size = formatSize(all.reduce((sum, { size }) => sum + size, 0));
  return wanted.trim() === ""
    ? `${count(all.length, "file")}, ${size}`
    : `${shown.filter(({ type }) => type === "file").length.toLocaleString("en")} of ${
      count(all.length, "file")
    }`;
}

/** The entries of a folder: `state` is `loading`, `ready` or `failed`. */
function useEntries(name, id, publisher) {
  const [tries, setTries] = useState(0);
  const [loaded, setLoaded] = useState(
    /** @type {{ state: string, list: any[], more?: boolean, error?: Error }} */ ({
      state: "loading",
      list: [],
    }),
  );
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
  for await (const entry of askResults(`/api/v1/folder?${query}`, { signal })) {
    if (list.length === SHOWN) return { state: "ready", list, more: true };
    entry.lower = entry.path.toLowerCase();
    list.push(entry);
  }
  return { state: "ready", list };
}
