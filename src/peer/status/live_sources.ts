import type { Downloader } from "../download/downloader.ts";
import type { LiveSource } from "../api/peer_api.ts";
import type { State } from "../download/source_pool.ts";

/** Most sources that are told of one download: more than are ever in use. */
const TOLD = 64;

const STATES: Record<State, LiveSource["state"]> = {
  waiting: "waiting",
  trying: "connecting",
  connected: "connected",
  resting: "pausing",
  lost: "lost",
  banned: "dropped",
};

/** The sources of a download as they are now, those in use first. */
export function liveSources(downloader: Downloader): LiveSource[] {
  return downloader.states.slice(0, TOLD).map(({ source, state }) => {
    const { address, peer, path, bytes, retries, dropped } = source.receipt;
    const rate = downloader.rateOf(source);
    return { address, peer, path, state: STATES[state], rate, bytes, retries, error: dropped };
  });
}
