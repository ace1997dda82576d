import { query, scope } from "./browse/files_store.js";
import { count, exactRate, formatRate, sentence, shortId } from "./kit/format.js";
import { html } from "./kit/html.js";
import { Table } from "./kit/table.js";
import { connection, status, transfers } from "./live.js";
import { usePolled } from "./kit/polled.js";

/** Interval of loading the peers while they show, in milliseconds. */
const EVERY_MS = 3_000;

const STATES = {
  registered: ["on", "Listed there: others can find this peer"],
  standby: ["on", "Shares its registry with one where this peer is registered; takes its place"],
  legacy: ["on", "An older bootstrap: it lists peers, no files"],
  connecting: ["warn", "Being connected"],
  away: ["bad", "It does not answer; it is tried again and again"],
  idle: ["", "Asked when needed"],
};

export function PeersTab() {
  const { value, error } = usePolled("/api/v1/peers", EVERY_MS);
  return html`
    <section class="peers" aria-label="Peers">
      <h2>Bootstraps</h2>
      <${Bootstraps} />
      <h2>Active peers ${value &&
        html`<span class="dim">${value.length.toLocaleString("en")}</span>`}</h2>
      ${error && connection.value === "live" &&
        html`
          <p class="banner failed"
            role="alert">The peers can’t be listed: ${sentence(
              error.message,
            )} Check the bootstrap’s address in <a href="#settings">Settings</a>.</p>
        `}
      ${!value && !error &&
        html`<div class="state" role="status"><span class="spinner"></span> Asking the bootstraps…</div>`}
      ${value?.length === 0 &&
        html`
          <p
            class="state small">No peers are active. They appear here once they register with one of the bootstraps.</p>
        `}
      ${value?.length > 0 && html`<${Peers} peers=${value} />`}
    </section>
  `;
}

function Bootstraps() {
  const { bootstraps } = status.value ?? { bootstraps: [] };
  return html`
    <ul class="cards">
      ${bootstraps.map(({ address, state, listed, error }) => {
        const [kind, text] = STATES[state];
        return html`
          <li key=${address} class="card small">
            <div class="line">
              <strong class="text grow">${address}</strong>
              ${listed &&
                html`<span class="dim">this peer is listed as <code>${listed}</code></span>`}
              <span class=${`badge ${kind}`} title=${text}>${state}</span>
            </div>
            ${error && state !== "registered" && html`
              <p
                class="why">${sentence(
                  error,
                )} It is tried again by itself; is it running, and is the address right?</p>
            `}
          </li>
        `;
      })}
    </ul>
  `;
}

function Peers({ peers }) {
  const rates = ratesWith(transfers.value);
  const own = status.value?.peer;
  return html`
    <${Table} label="Active peers" heads=${[
      "Peer",
      "Address",
      "Reachable",
      "Shares",
      "Download",
      "Upload",
      "Program",
    ]} rows=${peers.map((peer) => {
      const address = `${
        peer.address.includes(":") ? `[${peer.address}]` : peer.address
      }:${peer.port}`;
      const { down, up, contact } = rates(peer, address);
      const mine = peer.peer === own;
      return html`
        <tr key=${`${peer.peer} ${address}`}>
          <td><code title=${peer.peer ?? "An older peer has no id"}>${shortId(
            peer.peer,
          )}</code>${mine
            ? html`
              <span class="badge on">you</span>
            `
            : ""}</td>
          <td>${address}</td>
          <td>${reachOf(peer)} ${mine ? "" : CONTACT[contact]}</td>
          <td>${peer.files === undefined
            ? html`<span title="Older peers don’t say">–</span>`
            : html`<a href="#files" title="Show what it publishes" onClick=${() =>
              showFiles(peer.peer)}>${count(peer.files, "file")}</a>`}</td>
          <td title=${exactRate(down)}>${down > 0 ? formatRate(down) : "–"}</td>
          <td title=${exactRate(up)}>${up > 0 ? formatRate(up) : "–"}</td>
          <td>${peer.agent ??
            html`<span title="It speaks the earlier program’s dialect">older</span>`}</td>
        </tr>
      `;
    })} />
  `;
}

/** The result of a bootstrap's call back to the address. */
function reachOf({ reachable }) {
  if (reachable === undefined) {
    return html`<span class="dim" title="Older bootstraps don’t try">–</span>`;
  }
  if (reachable === null) {
    return html`<span class="badge" title="The bootstrap is calling it back">checking</span>`;
  }
  return reachable
    ? html`<span class="badge on" title="It answered when the bootstrap called it back">yes</span>`
    : html`
      <span class="badge bad"
        title="It did not answer when the bootstrap called it back: a firewall, or a port that isn’t forwarded">no</span>
    `;
}

/** This peer's own experience with it; nothing where it had no reason to connect. */
const CONTACT = {
  connected: html`<span class="badge on" title="This peer is connected to it">connected</span>`,
  failing:
    html`<span class="badge warn" title="This peer could not connect to it lately">not from here</span>`,
  none: "",
};

/** The traffic with each peer, by its id or address. */
function ratesWith(transfers) {
  const active = transfers.filter(({ state }) => state === "active");
  const sources = active.flatMap(({ from }) => from ?? []);
  return (peer, address) => {
    const known = sources.filter((one) =>
      one.address === address || (peer.peer && one.peer === peer.peer)
    );
    const contact = known.some(({ state }) => state === "connected")
      ? "connected"
      : known.some(({ error }) => error)
      ? "failing"
      : "none";
    const served = active.filter(({ direction, peer: to }) =>
      direction === "up" && to && to === peer.peer
    );
    const sum = (list) => list.reduce((total, { rate }) => total + rate, 0);
    return { down: sum(known), up: sum(served), contact };
  };
}

function showFiles(peer) {
  scope.value = "all";
  query.value = `publisher:${peer}`;
}
