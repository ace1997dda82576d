/**
 * Follows the peer's events once for all tabs of this browser: of the few connections that a browser opens
 * to one host, this takes one. A tab says `{session, visible}` when it opens and when that changes, and
 * `{bye}` when it goes; it hears `{state}` and `{change}`, first of all the whole.
 */
import { readEvents } from "./event_reader.js";
import { Known } from "./known.js";

/** The last message of each tab, by its port. */
const tabs = new Map();
let known = new Known();
let session;
let state = "connecting";
let lastId;
let stop;

function tell(message) {
  for (const port of tabs.keys()) port.postMessage(message);
}

function changeState(to) {
  if (state === to) return;
  state = to;
  if (to === "out") stop = undefined;
  tell({ state });
}

/** Follows while a tab is in sight, or waits for the end of something. */
function settle() {
  const seen = [...tabs.values()].some(({ visible }) => visible);
  const wanted = session !== undefined && tabs.size > 0 && (seen || known.isBusy);
  if (!wanted && stop) {
    stop();
    stop = undefined;
  } else if (wanted && !stop && state !== "out") {
    stop = readEvents({
      session,
      lastId,
      onState: changeState,
      onChange(change, id) {
        lastId = id;
        known.apply(change);
        tell({ change });
        settle();
      },
    });
  }
}

/** Begins anew for another session. */
function change(to) {
  stop?.();
  stop = lastId = undefined;
  session = to;
  known = new Known();
  state = "connecting";
  tell({ state });
}

self.addEventListener("connect", (/** @type {MessageEvent} */ { ports: [port] }) => {
  port.onmessage = ({ data }) => {
    if (data.bye) tabs.delete(port);
    else {
      const isNew = !tabs.has(port);
      if (data.session !== session) change(data.session);
      tabs.set(port, data);
      if (isNew) {
        if (known.status) port.postMessage({ change: known.whole() });
        port.postMessage({ state });
      }
    }
    settle();
  };
});
