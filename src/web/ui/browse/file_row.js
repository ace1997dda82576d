import { useComputed } from "@preact/signals";
import { useState } from "preact/hooks";
import { folderAddress } from "./folder_view.js";
import { orderOfShown, selection } from "./files_store.js";
import { SelectBox } from "../kit/selection.js";
import { exactSize, exactTime, formatAge, formatSize, shortId } from "../kit/format.js";
import { html } from "../kit/html.js";
import { SaveButton } from "../kit/save_link.js";
import { partials, shares, sharesMoved, status } from "../live.js";

/** Words for a publisher's standing in connection with a name; none for one that is unknown. */
const STANDINGS = {
  own: { mark: "You", text: "Published by this peer" },
  trusted: { mark: "✓", text: "The publisher that this name is known from" },
  other: { mark: "!", text: "Not the publisher that this name is known from" },
};

const FETCHING = "fetching";

/** The progress of the download of a content; "" where there is none. */
function comingOf(id) {
  const one = partials.value.find((partial) => partial.id === id);
  if (!one) return "";
  const percent = one.size > 0 ? Math.floor(one.bytes / one.size * 100) : 0;
  return `${one.state === "active" ? FETCHING : "paused"} ${percent} %`;
}

/** One file of the list. */
export function FileRow({ row, index, height, onGet, onUpdate, onUnshare }) {
  const { name, id, publisher, sources, time, shared, versions } = row;
  const folder = row.kind === "folder";
  const share = shared && shares.get(name);
  // A share that comes or goes changes the row, which stays the same object.
  void sharesMoved.value;
  // As text, so that the row is as it was until that is another.
  const coming = useComputed(() => comingOf(id)).value;
  // Not `disabled`, which would take the focus away from the button.
  const fetching = coming.startsWith(FETCHING);
  return html`
    <div class="row" role="row" aria-rowindex=${index} style=${{ height: `${height}px` }}>
      <div class="cell name" role="cell">
        <${SelectBox} selection=${selection} id=${row.key} label=${name} order=${orderOfShown} />
        ${folder
          ? html`<a class="text" title=${`${name}\nPress to look into it`} href=${`#${
            folderAddress({ name, id, publisher })
          }`}>${name}</a>`
          : html`<span class="text" title=${name}>${name}</span>`}
        ${folder &&
          html`<span class="badge" title="A folder: files, folders and links in it">${`folder of ${
            (row.entries ?? 0).toLocaleString("en")
          }`}</span>`}
        ${shared &&
          html`<span class="badge on" title=${
            share ? `Shared from ${share.path}; ${exactSize(share.served)} served` : ""
          }>shared</span>`}
        ${share && !share.available &&
          html`
            <span class="badge bad"
              title="The file is missing or was changed; put it back, or unshare it">missing</span>
          `}
        ${versions > 1 &&
          html`<span class="badge warn" title="This name stands for several contents">${versions} versions</span>`}
        ${row.update &&
          html`<span class="badge on" title=${`A newer version from the same publisher, of ${
            exactTime(row.update.time)
          }`}>update available</span>`}
        ${coming && !shared && html`<a class="badge" href="#transfers">${coming}</a>`}
      </div>
      <div class="cell size" role="cell" title=${exactSize(row.whole)}>${formatSize(
        row.whole,
      )}</div>
      <div class="cell publisher" role="cell">
        <${Publisher} row=${row} publisher=${publisher} />
      </div>
      <div class="cell sources" role="cell" title=${`${sources} known to the bootstraps`}>
        ${sources || "–"}<span class="unit"> source${sources === 1 ? "" : "s"}</span>
      </div>
      <div class="cell age" role="cell" title=${exactTime(time)}>${formatAge(time)}</div>
      <div class="cell id" role="cell">
        <${CopyId} id=${id} name=${name} />
      </div>
      <div class="cell actions" role="cell">
        ${!folder && html`<${SaveButton} name=${name} id=${id} publisher=${publisher} />`}
        ${row.update && html`
          <button class="primary" aria-label=${`Update ${name}`} onClick=${() =>
            onUpdate(row)}>Update</button>
        `}
        ${shared
          ? html`<button aria-label=${`Unshare ${name}`} onClick=${() =>
            onUnshare(row)}>Unshare</button>`
          : html`
            <button
              class="primary"
              aria-label=${`Get ${name}`}
              aria-disabled=${fetching}
              onClick=${() => fetching || onGet(row)}
            >Get</button>
          `}
      </div>
    </div>
  `;
}

function Publisher({ row, publisher }) {
  const standing = publisher === status.value?.peer ? "own" : row.trust;
  const known = STANDINGS[standing];
  return html`
    <code title=${publisher}>${shortId(publisher)}</code>
    ${known &&
      html`<span class=${`trust ${standing}`} title=${known.text}>
        <span aria-hidden="true">${known.mark}</span><span class="hidden">${known.text}</span>
      </span>`}
  `;
}

/** The beginning of an id; a press copies all of it. */
function CopyId({ id, name }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(id);
    } catch {
      copyBySelection(id);
    }
    setCopied(true);
    setTimeout(() => setCopied(false), 1_500);
  };
  return html`
    <button class="quiet copy" title=${`${id}\nPress to copy`} onClick=${copy}>
      <code>${copied
        ? "copied"
        : id.slice(0, 8)}</code><span class="hidden">: copy the id of ${name}</span>
    </button>
  `;
}

/** The clipboard's own interface is there only on loopback and over TLS. */
function copyBySelection(text) {
  const field = document.createElement("textarea");
  field.value = text;
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}
