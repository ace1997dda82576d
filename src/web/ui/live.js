import { batch, signal } from "@preact/signals";
import { readEvents } from "./event_reader.js";
import { Known } from "./known.js";
import { goSignIn, onSession, session } from "./session.js";
import { applyRates } from "./transfers/rates.js";

const known = new Known();

/** The peer's status, without the parts that have a signal of their own; null before the first. */
export const status = signal(known.status);
/** Transfers in the order of their numbers, and partial downloads. What is the same stays so. */
export const transfers = signal([...known.transfers.values()]);
export const partials = signal([...known.partials.values()]);
/** Bytes since the peer started: `{served, fetched}`. */
export const totals = signal(known.totals);
/** The shares of this peer, by name. The Map is always the same; {@link sharesMoved} counts. */
export const shares = known.shares;
/** Counts when a share came or went, not when one was merely served. */
export const sharesMoved = signal(0);
/** `connecting`, `live`, `silent` while the peer hangs, or `lost` while it can't be reached. */
export const connection = signal("connecting");

/** Jobs under way and some that ended, by number. The Map is always the same; {@link jobsMoved} counts. */
export const jobs = known.jobs;
export const jobsMoved = signal(0);

/** Functions to call with a job that has ended, by its number. */
const waiting = new Map();

/** The end of a job: resolves with its result, and rejects with its error. */
export function endOf(job) {
  return new Promise((resolve, reject) => {
    const ended = ({ state, result, error }) => state === "done" ? resolve(result) : reject(error);
    waiting.set(job, ended);
    tellEnd(job);
  });
}

/** True for a job that runs or waits. */
const isOpen = ({ state }) => state === "running" || state === "waiting";

function tellEnd(number) {
  const job = known.jobs.get(number);
  if (!job || isOpen(job) || !waiting.has(number)) return;
  waiting.get(number)(job);
  waiting.delete(number);
}

/** Follows the peer's events for as long as the page is open: with the other tabs, or else alone. */
export function follow() {
  if (session() === undefined) return goSignIn();
  const say = followWithTabs() ?? followAlone();
  const here = () => say({ session: session(), visible: !document.hidden });
  here();
  document.addEventListener("visibilitychange", here);
  addEventListener("pagehide", () => say({ bye: true }));
  addEventListener("pageshow", ({ persisted }) => persisted && here());
  onSession((now) => now === undefined ? goSignIn() : here());
}

/** Returns how to talk to the worker that all tabs share; undefined where there can't be one. */
function followWithTabs() {
  try {
    const { port } = new SharedWorker("/events_worker.js", { type: "module", name: "events" });
    port.onmessage = ({ data: { state, change } }) => {
      if (change) apply(change);
      if (state) changeState(state);
    };
    return (message) => port.postMessage(message);
  } catch {
    return undefined;
  }
}

/** The same for a single tab: follows while it is in sight. */
function followAlone() {
  let stop;
  let lastId;
  return ({ session, visible }) => {
    stop?.();
    stop = visible && readEvents({
      session,
      lastId,
      onState: changeState,
      onChange(change, id) {
        lastId = id;
        apply(change);
      },
    });
  };
}

function changeState(state) {
  if (state === "out") goSignIn();
  else connection.value = state;
}

function apply(change) {
  const started = known.status?.started;
  const moved = change.shares && hasMoved(change.shares);
  known.apply(change);
  batch(() => {
    if (change.status) {
      totals.value = known.totals;
      status.value = known.status;
    }
    if (change.transfers) {
      transfers.value = [...known.transfers.values()].sort((a, b) => a.transfer - b.transfer);
    }
    if (change.partials) partials.value = [...known.partials.values()];
    if (moved) sharesMoved.value++;
    if (change.jobs) jobsMoved.value++;
    if (change.rates) applyRates(change.rates);
  });
  if (started !== undefined && started !== known.status.started) abandonJobs();
  for (const { job } of change.jobs?.set ?? []) tellEnd(job);
}

/** True when a share came, went, or is another. */
function hasMoved({ reset, set, gone }) {
  return reset || gone.length > 0 || set.some(({ name, id, available }) => {
    const before = shares.get(name);
    return before?.id !== id || before.available !== available;
  });
}

/** The peer was started again: it knows nothing of jobs from before. */
function abandonJobs() {
  const error = { message: "The peer was restarted meanwhile.", details: { reason: "restart" } };
  for (const ended of waiting.values()) ended({ state: "failed", error });
  waiting.clear();
}
