import { computed, effect, signal } from "@preact/signals";
import { render } from "preact";
import { Dialog } from "./kit/dialog.js";
import { Drop } from "./browse/drop.js";
import { FilesTab } from "./browse/files_tab.js";
import { formatRate, shortId } from "./kit/format.js";
import { html } from "./kit/html.js";
import { connection, follow, partials, status, transfers } from "./live.js";
import { askJson } from "./api.js";
import { keepSession } from "./session.js";
import { PeersTab } from "./peers_tab.js";
import { loadConfig, SettingsTab } from "./settings/settings_tab.js";
import { Toasts } from "./kit/toasts.js";
import { TransfersTab } from "./transfers/transfers_tab.js";

const TABS = [
  { id: "files", label: "Files", view: FilesTab },
  { id: "transfers", label: "Transfers", view: TransfersTab },
  { id: "peers", label: "Peers", view: PeersTab },
  { id: "settings", label: "Settings", view: SettingsTab },
];

const tab = signal(tabOfAddress());
addEventListener("hashchange", () => tab.value = tabOfAddress());

function tabOfAddress() {
  return TABS.find(({ id }) => id === location.hash.slice(1).split("/")[0]) ?? TABS[0];
}

function App() {
  const { id, view: View } = tab.value;
  return html`
    <a class="button skip" href="#content" onClick=${toContent}>Skip to the content</a>
    <header class="top">
      <img class="logo" src="/icon.svg" alt="" width="28" height="28" />
      <h1>Shoal</h1>
      <${Tabs} />
      <${Summary} />
      <button class="quiet" onClick=${signOut}>Sign out</button>
    </header>
    <${Banners} />
    <main id="content" tabindex="-1">
      <div class="panel" id=${`panel-${id}`} role="tabpanel" aria-labelledby=${`tab-${id}`}>
        <${View} />
      </div>
    </main>
    <${Drop} />
    <${Toasts} />
    <${Dialog} />
  `;
}

function toContent(event) {
  event.preventDefault();
  document.querySelector("main").focus();
}

/** Tabs as the ARIA practices have them: arrows move, and only the chosen one is in the tab order. */
function Tabs() {
  const move = (event) => {
    const at = TABS.indexOf(tab.value);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: TABS.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = TABS[(to + TABS.length) % TABS.length];
    location.hash = next.id;
    event.currentTarget.querySelector(`#tab-${next.id}`).focus();
  };
  const going = partials.value.length;
  return html`
    <div class="tabs" role="tablist" aria-label="Parts of the page" onKeyDown=${move}>
      ${TABS.map((one) =>
        html`
          <a
            key=${one.id}
            id=${`tab-${one.id}`}
            role="tab"
            href=${`#${one.id}`}
            aria-selected=${one === tab.value}
            aria-controls=${one === tab.value ? `panel-${one.id}` : undefined}
            tabindex=${one === tab.value ? 0 : -1}
          >${one.label}${one.id === "transfers" && going > 0
            ? html`
              <span class="badge on">${going}</span>
            `
            : ""}</a>
        `
      )}
    </div>
  `;
}

/** Bytes per second of all transfers in a direction. */
function rateOf(wanted) {
  return transfers.value.reduce(
    (sum, { direction, rate }) => direction === wanted ? sum + rate : sum,
    0,
  );
}

function Summary() {
  if (!status.value) return html`<span class="summary"></span>`;
  const { peer, listening, dir } = status.value;
  const met = status.value.bootstraps.some(({ state }) => state !== "away");
  const live = connection.value === "live" && met;
  return html`
    <span class="summary" title=${`Peer ${peer}, listening on ${listening}, sharing ${dir}`}>
      <span
        class="rates"><span class="down">↓ ${formatRate(
          rateOf("down"),
        )}</span> <span class="up">↑ ${formatRate(rateOf("up"))}</span></span>
      <span class=${live ? "dot on" : "dot bad"} aria-hidden="true"></span>
      <code>${shortId(peer)}</code>
    </span>
  `;
}

/** Troubles of the whole peer, and the next steps. */
function Banners() {
  if (connection.value === "silent") {
    return html`<p class="banner failed" role="alert">
      The peer does not answer: it may be stopped, or wait for a disk. This page tries again by itself. What you
      see is how it was.
    </p>`;
  }
  if (connection.value === "lost") {
    return html`<p class="banner failed" role="alert">
      The connection to the peer is lost; this page tries again by itself. If the peer was stopped, start
      it again, and then run <code>shoal peer ui</code>. What you see is how it was.
    </p>`;
  }
  const bootstraps = status.value?.bootstraps ?? [];
  const away = bootstraps.filter(({ state }) => state === "away");
  if (bootstraps.length === 0 || away.length < bootstraps.length) return null;
  const names = away.map(({ address }) => address).join(", ");
  return html`<p class="banner warn" role="alert">
    ${
    away.length === 1
      ? `The bootstrap ${names} does not answer`
      : `None of the bootstraps answers (${names})`
  }:
    files of others can’t be found, and others can’t find yours. It is tried again by itself. Is it running, and is its
    address right? See <a href="#settings">Settings</a>.
  </p>`;
}

async function signOut() {
  await askJson("DELETE", "/sign-in").catch(() => {});
  keepSession(undefined);
  location.replace("/sign-in");
}

/** The progress of all downloads together, for the title: a tab out of sight shows it, too. */
const progress = computed(() => {
  const active = partials.value.filter(({ state }) => state === "active");
  const size = active.reduce((sum, one) => sum + one.size, 0);
  if (size === 0) return "";
  const bytes = active.reduce((sum, one) => sum + one.bytes, 0);
  return `${Math.floor(bytes / size * 100)} % ↓ ${formatRate(rateOf("down"))} · `;
});

effect(() => {
  document.title = `${progress.value}${tab.value.label} · Shoal`;
});
render(html`<${App} />`, document.getElementById("app"));
follow();
loadConfig().catch(() => {});
