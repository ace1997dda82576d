import { batch, signal } from "@preact/signals";

/** What the peer says of itself, without its shares; null until it has said something. */
export const status = signal(null);
/** What this peer shares, by name. The Map is always the same; {@link sharesChanged} counts. */
export const shares = new Map();
export const sharesChanged = signal(0);
/** Counts when a share came or went, not when one was merely served. */
export const sharesMoved = signal(0);
/** `connecting`, `live`, or `lost` while it is tried again. */
export const connection = signal("connecting");

/** How long to wait when a connection can't be made at all, in milliseconds. */
const RETRY_MS = 2_000;

/** Follows the peer's status for as long as the page is open. */
export function follow() {
  const events = new EventSource("/api/events");
  events.onopen = () => connection.value = "live";
  events.addEventListener("change", ({ data }) => {
    connection.value = "live";
    apply(JSON.parse(data));
  });
  events.onerror = async () => {
    connection.value = "lost";
    if (events.readyState !== EventSource.CLOSED) return;
    const answer = await fetch("/api/history").catch(() => undefined);
    if (answer?.status === 401) location.replace("/sign-in");
    else setTimeout(follow, RETRY_MS);
  };
  addEventListener("pagehide", () => events.close(), { once: true });
}

function apply(change) {
  batch(() => {
    if (change.status) status.value = change.status;
    if (change.shares) applyShares(change.shares);
  });
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
  sharesChanged.value++;
  if (moved) sharesMoved.value++;
}
