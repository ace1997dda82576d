/** Seconds of rates that are kept. */
const SECONDS = 300;

/**
 * One event of the peer's.
 * @typedef {NonNullable<ReturnType<import("../status_feed.ts").StatusFeed["since"]>>} Change
 */

/** The known state of the peer: the changes so far, put together. */
export class Known {
  /**
   * The peer's status, without the parts that have a place of their own; null before the first.
   * @type {Change["status"] | null}
   */
  status = null;
  /** Bytes since the peer started. */
  totals = { served: 0, fetched: 0 };
  /**
   * Shares by name.
   * @type {Map<string, import("../../peer/api/share_api.ts").SharedFile>}
   */
  shares = new Map();
  /** @type {Map<number, import("../../peer/api/status_api.ts").Transfer>} */
  transfers = new Map();
  /** @type {Map<string, import("../../peer/api/status_api.ts").PartialStatus>} */
  partials = new Map();
  /** @type {Map<number, import("../http/jobs.ts").Job>} */
  jobs = new Map();
  /** Seconds in which something moved. */
  rates = { second: 0, moved: [] };

  /** @param {Partial<Change>} change */
  apply({ status, shares, transfers, partials, jobs, rates }) {
    if (status) {
      const { totals = this.totals, ...fields } = status;
      this.totals = totals;
      if (Object.keys(fields).length > 0) this.status = { ...this.status, ...fields };
    }
    applyList(this.shares, shares, ({ name }) => name);
    applyList(this.transfers, transfers, ({ transfer }) => transfer);
    applyList(this.partials, partials, ({ id }) => id);
    applyList(this.jobs, jobs, ({ job }) => job);
    if (rates) {
      const moved = [...this.rates.moved, ...rates.moved];
      this.rates = {
        second: rates.second,
        moved: moved.filter(([second]) => second > rates.second - SECONDS),
      };
    }
  }

  /** All of it, as one change. */
  whole() {
    const list = (map) => ({ reset: true, set: [...map.values()], gone: [] });
    return {
      status: this.status && { ...this.status, totals: this.totals },
      shares: list(this.shares),
      transfers: list(this.transfers),
      partials: list(this.partials),
      jobs: list(this.jobs),
      rates: this.rates,
    };
  }

  /** True while something is in progress whose end a page out of sight shows, too. */
  get isBusy() {
    const runs = ({ state }) => ["active", "running", "waiting"].includes(state);
    return [...this.partials.values()].some(runs) || [...this.jobs.values()].some(runs);
  }
}

function applyList(map, change, keyOf) {
  if (!change) return;
  if (change.reset) map.clear();
  for (const key of change.gone) map.delete(key);
  for (const one of change.set) map.set(keyOf(one), one);
}
