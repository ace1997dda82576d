import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { change, getListed } from "../browse/downloads.js";
import { changeAll, DownloadList } from "./download_list.js";
import { ChunkMap } from "./chunk_map.js";
import { confirm } from "../kit/dialog.js";
import {
  exactDuration,
  exactRate,
  exactSize,
  exactTime,
  formatAge,
  formatDuration,
  formatRate,
  formatSize,
  sentence,
  shortId,
} from "../kit/format.js";
import { html } from "../kit/html.js";
import { Table } from "../kit/table.js";
import { usePolled } from "../kit/polled.js";
import { failureText, isAskedFor } from "../kit/sentences.js";
import { jobs, jobsMoved, partials, status, totals, transfers } from "../live.js";
import { RatePlot } from "./rate_plot.js";

/** Interval of loading the maps of the active downloads, in milliseconds. */
const MAPS_MS = 1_000;
/** Downloads that are shown as cards; more are rows of a list. */
const CARDS = 6;
/** The download that is shown as a card above the list, by its key. */
const opened = signal(undefined);

/** Ended transfers that are shown. */
const RECENT = 20;
/** Time without a source before a download says so, in milliseconds. */
const ALONE_MS = 3_000;

/** The time, for what is said of seconds: milliseconds since 1970. */
const now = signal(Date.now());

export function TransfersTab() {
  useEffect(() => {
    now.value = Date.now();
    const timer = setInterval(() => now.value = Date.now(), 1_000);
    return () => clearInterval(timer);
  }, []);
  void jobsMoved.value;
  const downloads = [
    ...partialsIn(transfers.value, partials.value),
    ...[...jobs.values()].filter(({ kind, state }) => kind === "get" && state === "waiting"),
  ];
  const many = downloads.length > CARDS;
  const cards = many
    ? downloads.filter(({ id, transfer }) => (id ?? `${transfer}`) === opened.value)
    : downloads;
  const uploads = transfers.value.filter(({ direction, state }) =>
    direction === "up" && state === "active"
  );
  const going = new Set(downloads.flatMap(({ transfer, id }) => [transfer, id]));
  const ended = transfers.value.filter((one) =>
    one.state !== "active" && !going.has(one.transfer) &&
    !(one.direction === "down" && one.id && going.has(one.id))
  ).reverse().slice(0, RECENT);
  const active = cards.filter(({ id, state }) => id && state === "active").map(({ id }) => id);
  const { value: maps } = usePolled(
    active.length > 0 ? `/api/v1/downloads/maps?ids=${active.join(",")}` : undefined,
    MAPS_MS,
  );
  if (!status.value) return html`<div class="state" role="status">Loading…</div>`;
  return html`
    <section class="transfers" aria-label="Transfers">
      <${RatePlot} />
      <${Totals} />
      <div class="line heading">
        <h2 class="grow">Downloads</h2>
        ${downloads.some(({ state }) => state === "active") && downloads.length > 1 &&
          html`<button onClick=${() => changeAll("pause", downloads)}>Pause all</button>`}
        ${downloads.some(({ on_request }) => on_request) && downloads.length > 1 &&
          html`<button onClick=${() => changeAll("resume", downloads)}>Resume all</button>`}
      </div>
      ${downloads.length === 0 &&
        html`
          <p
            class="state small">Nothing is being fetched. Press <b>Get</b> beside a file in <a href="#files">Files</a>.</p>
        `}
      <ul class="cards">
        ${cards.map((one) =>
          html`
            <${Download} key=${one.id ?? one.transfer ?? one.job} download=${one}
              map=${maps?.[one.id]} />
          `
        )}
      </ul>
      ${many &&
        html`<${DownloadList} downloads=${downloads} onOpen=${(key) =>
          opened.value = opened.value === key ? undefined : key} />`}
      <h2>Uploads</h2>
      ${uploads.length === 0
        ? html`<p class="state small">Nobody is fetching from this peer right now.</p>`
        : html`<ul class="cards">${
          uploads.map((one) => html`<${Upload} key=${one.transfer} upload=${one} />`)
        }</ul>`}
      ${ended.length > 0 && html`
        <h2>Finished</h2>
        <ul class="cards ended">${ended.map((one) =>
          html`<${Ended} key=${one.transfer} transfer=${one} />`
        )}</ul>
      `}
    </section>
  `;
}

function Totals() {
  const { fetched, served } = totals.value;
  return html`
    <p class="dim totals">
      Since the start:
      <span title=${exactSize(fetched)}> ${formatSize(fetched)} fetched</span>,
      <span title=${exactSize(served)}> ${formatSize(served)} served</span>
    </p>
  `;
}

/** Downloads that aren't whole: what is kept of them, with the transfer that works on it. */
function partialsIn(transfers, partials) {
  const latest = new Map();
  for (const one of transfers) if (one.direction === "down" && one.id) latest.set(one.id, one);
  const list = partials.map((partial) => {
    const transfer = latest.get(partial.id);
    // A transfer that has just begun counts anew what is kept, and one that goes on is ahead of it.
    const bytes = Math.max(partial.bytes, transfer?.state === "active" ? transfer.bytes : 0);
    return {
      ...transfer,
      ...partial,
      bytes,
      percent: partial.size > 0 ? Math.min(100, bytes / partial.size * 100) : 0,
      why: partial.on_request
        ? undefined
        : whyOf({ ...transfer, error: partial.error }, partial.name),
    };
  });
  // A download that goes on doesn't know its id until the file is found again.
  const kept = new Set(partials.flatMap(({ id, name }) => [id, name]));
  const begun = transfers.filter(({ id, name, direction, state }) =>
    direction === "down" && state === "active" && !kept.has(id ?? name)
  );
  return [...list, ...begun];
}

/** The reason why a download does not move, or undefined. */
function whyOf({ state, error, failure }, name) {
  if (state === "active" || !error && !failure) return undefined;
  if (failure && isAskedFor(failure)) return undefined;
  return failureText({ ...failure, message: error }, name);
}

/** The current activity of an active download. */
function doing({ rate = 0, eta, sources = 0, no_source_since: alone }) {
  const aloneMs = alone === undefined ? 0 : now.value - alone;
  if (aloneMs >= ALONE_MS) {
    return html`<span class="badge warn">no source for ${
      formatDuration(Math.floor(aloneMs / 1000))
    }, looking</span>`;
  }
  return html`
    <span title=${exactRate(rate)}>${formatRate(rate)}</span>
    <span title=${exactDuration(eta)}>${eta === undefined
      ? sources === 0 ? "connecting" : "stalled"
      : `${formatDuration(eta)} left`}</span>
    <span>${sources} source${sources === 1 ? "" : "s"}</span>
  `;
}

function Download({ download, map }) {
  const { name, id, state, bytes, size, percent, retries, from } = download;
  const active = state === "active";
  const cancel = async () => {
    // What there is of a folder may be what was there before, which stays.
    const text = download.kind === "folder"
      ? "What was fetched of it so far will be removed."
      : `The ${formatSize(bytes)} that are here will be removed.`;
    if (bytes === 0 || await confirm(`Cancel ${name}?`, text, "Cancel the download")) {
      await change("cancel", download);
    }
  };
  return html`
    <li class="card download" data-state=${state}>
      <div class="line">
        <strong class="text grow" title=${name}>${name}</strong>
        ${active
          ? html`<button aria-label=${`Pause ${name}`} onClick=${() =>
            change("pause", download)}>Pause</button>`
          : html`<button class="primary" aria-label=${`Resume ${name}`} onClick=${() =>
            change("resume", download)}>Resume</button>`}
        <button aria-label=${`Cancel ${name}`} onClick=${cancel}>Cancel</button>
      </div>
      <progress aria-label=${`Progress of ${name}`} max="100" value=${percent}></progress>
      <div class="facts dim">
        <span title=${`${exactSize(bytes)} of ${exactSize(size)}`}>
          ${Math.floor(percent)} % · ${formatSize(bytes)} of ${formatSize(size)}
        </span>
        ${active
          ? doing(download)
          : html`<span class="badge warn">${download.on_request ? "paused" : "waiting"}</span>`}
        ${retries > 0 &&
          html`<span title="Requests that had to be asked again">${retries} retries</span>`}
        ${id && html`<span>id <code title=${id}>${shortId(id)}</code></span>`}
      </div>
      ${!active && download.why &&
        html`<p class="why">${sentence(download.why)} It is tried again by itself.</p>`}
      ${active && id && html`<${ChunkMap} value=${map} name=${name} />`}
      ${active && from?.length > 0 && html`<${Sources} from=${from} name=${name} />`}
    </li>
  `;
}

function Sources({ from, name }) {
  return html`
    <details>
      <summary>Sources</summary>
      <${Table} label=${`Sources of ${name}`} heads=${[
        "Address",
        "Peer",
        "State",
        "Rate",
        "Brought",
        "Retries",
      ]} rows=${from.map((one) =>
        html`
          <tr key=${one.address}>
            <td>${one.address}</td>
            <td><code title=${one.peer}>${shortId(one.peer)}</code></td>
            <td title=${one.error}>${one.state}</td>
            <td title=${exactRate(one.rate)}>${formatRate(one.rate)}</td>
            <td title=${exactSize(one.bytes)}>${formatSize(one.bytes)}</td>
            <td>${one.retries}</td>
          </tr>
        `
      )} />
    </details>
  `;
}

function Upload({ upload: { name, to, bytes, size, percent, rate, eta } }) {
  return html`
    <li class="card">
      <div
        class="line"><strong class="text grow" title=${name}>${name}</strong><span>to ${to}</span></div>
      <progress aria-label=${`Progress of ${name} to ${to}`} max="100" value=${percent}></progress>
      <div class="facts dim">
        <span title=${`${exactSize(bytes)} of ${exactSize(size)}`}>${formatSize(
          bytes,
        )} of ${formatSize(size)}</span>
        <span title=${exactRate(rate)}>${formatRate(rate)}</span>
        <span title=${exactDuration(eta)}>${eta === undefined
          ? ""
          : `${formatDuration(eta)} left`}</span>
      </div>
    </li>
  `;
}

const WORDS = { done: "done", failed: "failed", cancelled: "cancelled", paused: "paused" };

/** Ages are shown in minutes: until one is over, what ended looks as it did. */
const minute = signal(0);
setInterval(() => minute.value++, 60_000);

function Ended({ transfer }) {
  void minute.value;
  const { name, to, direction, state, bytes, failure, started } = transfer;
  // A question was asked about it, or the answer was no.
  const asked = state === "failed" && ["ambiguous", "destination"].includes(failure?.kind);
  const why = state === "failed" ? whyOf(transfer, name) : undefined;
  return html`
    <li class="card small">
      <div class="line">
        <span aria-hidden="true">${direction === "up" ? "↑" : "↓"}</span>
        <span class="hidden">${direction === "up" ? "Sent" : "Fetched"}</span>
        <span class="text grow" title=${name}>${name}${to
          ? html`<span class="dim"> to ${to}</span>`
          : ""}</span>
        <span class="dim" title=${exactSize(bytes)}>${formatSize(bytes)}</span>
        <span class=${state === "done"
          ? "badge on"
          : state === "failed" && !asked
          ? "badge bad"
          : "badge"}>${asked ? "not fetched" : WORDS[state]}</span>
        <span class="dim" title=${exactTime(started)}>${formatAge(started)}</span>
        ${direction === "down" && (state === "failed" || state === "cancelled") &&
          html`<button aria-label=${`Try ${name} again`} onClick=${() =>
            getListed(name)}>Retry</button>`}
      </div>
      ${why && html`<p class="why">${sentence(why)}</p>`}
    </li>
  `;
}
