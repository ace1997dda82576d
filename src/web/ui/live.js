import { batch, signal } from "@preact/signals";
import { applyRates } from "./transfers/rates.js";

/** What the peer says of itself, without what has a signal of its own; null until it has said something. */
export const status = signal(null);
/** Transfers in the order of their numbers, and downloads that aren't whole. What is the same stays so. */
export const transfers = signal([]);
export const partials = signal([]);
/** Bytes since the peer started: `{served, fetched}`. */
export const totals = signal({ served: 0, fetched: 0 });
/** What this peer shares, by name. The Map is always the same; {@link sharesMoved} counts. */
export const shares = new Map();
/** Counts when a share came or went, not when one was merely served. */
export const sharesMoved = signal(0);
/** `connecting`, `live`, or `lost` while it is tried again. */
export const connection = signal("connecting");

/** How long to wait when a connection can't be made at all, in milliseconds. */
const RETRY_MS = 2_000;

const transferMap = new Map();
const partialMap = new Map();
let events;

/** Follows the peer's status for as long as the page is open and in sight. */
export function follow() {
  connect();
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) return connect();
    events?.close();
    events = undefined;
  });
  addEventListener("pagehide", () => events?.close());
  addEventListener("pageshow", ({ persisted }) => persisted && connect());
}

function connect() {
  events?.close();
  if (document.hidden) return;
  const source = events = new EventSource("/api/events");
  source.onopen = () => connection.value = "live";
  source.addEventListener("change", ({ data }) => {
    connection.value = "live";
    apply(JSON.parse(data));
  });
  source.onerror = async () => {
    connection.value = "lost";
    if (source.readyState !== EventSource.CLOSED) return;
    const answer = await fetch("/api/settings").catch(() => undefined);
    if (answer?.status === 401) location.replace("/sign-in");
    else setTimeout(() => source === events && connect(), RETRY_MS);
  };
}

function apply(change) {
  batch(() => {
    if (change.transfers) {
      const list = applyList(transferMap, change.transfers, (one) => one.transfer);
      transfers.value = list.sort((a, b) => a.transfer - b.transfer);
    }
    if (change.partials) {
      partials.value = applyList(partialMap, change.partials, (one) => one.id);
    }
    if (change.status) applyStatus(change.status);
    if (change.shares) applyShares(change.shares);
    if (change.rates) applyRates(change.rates);
  });
}

function applyStatus({ totals: counted, ...fields }) {
  if (counted) totals.value = counted;
  if (Object.keys(fields).length > 0) status.value = { ...status.value, ...fields };
}

/** What came, changed and went, by key; returns all that there is then. */
function applyList(map, { reset, set, gone }, keyOf) {
  if (reset) map.clear();
  for (const key of gone) map.delete(key);
  for (const one of set) map.set(keyOf(one), one);
  return [...map.values()];
}

function applyShares({ reset, set, gone }) {
  let moved = reset || gone.length > 0;
  if (reset) shares.clear();
  for (const name of gone) shares.delete(name);
  for (const share of set) {
    const before = shares.get(share.name);
    moved ||= before?.id !== share.id || before.available !== share.available;
    shares.set(share.name, share);
  }
  if (moved) sharesMoved.value++;
}
