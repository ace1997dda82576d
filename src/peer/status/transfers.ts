import type { LiveSource, Transfer, TransferState } from "../api/peer_api.ts";
import { RateMeter } from "./rate_meter.ts";

/** Ended transfers that are remembered for `status`. */
const REMEMBERED = 50;
/** An upload that was asked nothing for this long counts as ended, in milliseconds. */
const UPLOAD_IDLE_MS = 10_000;

/** The same, once it was asked for as much as the file has. */
const SERVED_IDLE_MS = 1_000;

/** A transfer while it is counted. */
export class ActiveTransfer {
  readonly meter = new RateMeter();
  readonly transfer: number;
  readonly started = Date.now();
  state: TransferState = "active";
  error?: string;
  /** The kind and the facts of the fault that it failed with. */
  failure?: Transfer["failure"];
  name: string;
  id?: string;
  size?: number;
  readonly direction: "down" | "up";
  readonly to?: string;
  readonly peer?: string;
  readonly #onBytes: (bytes: number) => void;
  /** Bytes that were there before those that the meter counts. */
  before = 0;
  /** Sources connected, while it is a download. */
  sources: () => number = () => this.direction === "up" ? 1 : 0;
  /** Of a download: requests that had to be asked again, and the sources as they are now. */
  retries: () => number = () => 0;
  from: () => LiveSource[] = () => [];
  /** The time since when there is no source, in milliseconds since 1970, as far as it was looked at. */
  #alone: number | undefined;
  /** Ended uploads revive when more is asked for. */
  lastActive = performance.now();

  constructor(
    transfer: number,
    about: Pick<Transfer, "name" | "id" | "size" | "direction" | "to" | "peer">,
    onBytes: (bytes: number) => void,
  ) {
    this.transfer = transfer;
    this.name = about.name;
    this.id = about.id;
    this.size = about.size;
    this.direction = about.direction;
    this.to = about.to;
    this.peer = about.peer;
    this.#onBytes = onBytes;
  }

  add(bytes: number): void {
    this.meter.add(bytes);
    this.#onBytes(bytes);
    this.lastActive = performance.now();
  }

  /** Keeps the counts of what has ended, and lets go of what was counted. */
  settle(): void {
    const retries = this.retries();
    this.retries = () => retries;
    this.from = () => [];
    this.sources = () => 0;
  }

  /** Bytes that are there. */
  get bytes(): number {
    return this.before + this.meter.total;
  }

  /** True until it has ended. */
  get isActive(): boolean {
    return this.#state() === "active";
  }

  /** The state of the transfer, for people and programs. */
  view(): Transfer {
    const { name, id, direction, bytes, size, to, peer, error, started, transfer } = this;
    const state = this.#state();
    const rate = state === "active" ? this.meter.rate : 0;
    const left = Math.max(0, (size ?? 0) - bytes);
    const whole = size === 0 || state === "done" && this.direction === "down";
    return {
      transfer,
      name,
      id,
      direction,
      state,
      bytes,
      size,
      percent: whole ? 100 : size === undefined ? 0 : Math.min(100, (bytes / size) * 100),
      rate,
      eta: state === "active" && size !== undefined && rate > 0 ? left / rate : undefined,
      sources: state === "active" ? this.sources() : 0,
      retries: this.retries(),
      from: state === "active" ? this.from() : [],
      to,
      peer,
      error,
      started,
      failure: this.failure,
      no_source_since: state === "active" ? this.#aloneSince() : undefined,
    };
  }

  #aloneSince(): number | undefined {
    this.#alone = this.sources() > 0 ? undefined : this.#alone ?? Date.now();
    return this.#alone;
  }

  #state(): TransferState {
    if (this.direction === "down" || this.state !== "active") return this.state;
    const idle = performance.now() - this.lastActive;
    const served = this.meter.total >= (this.size ?? 0);
    return idle < (served ? SERVED_IDLE_MS : UPLOAD_IDLE_MS) ? "active" : "done";
  }
}

/** The transfers of a peer: those under way, and the last few that ended. */
export class Transfers {
  /** Bytes of all of them, those that failed or are under way included. */
  readonly totals = { served: 0, fetched: 0 };
  readonly #list: ActiveTransfer[] = [];
  readonly #uploads = new Map<string, ActiveTransfer>();
  #next = 1;

  /** Begins to count a download. One that only looks at something (`looks`) is not listed. */
  download(name: string, { looks = false } = {}): ActiveTransfer {
    const count = (bytes: number) => this.totals.fetched += bytes;
    const one = new ActiveTransfer(this.#next++, { name, direction: "down" }, count);
    return looks ? one : this.#add(one);
  }

  /**
   * The upload of a file to a peer: the one in progress, or a new one. The connections of one peer of one
   * host are one upload.
   */
  upload(
    about: { name: string; id: string; size: number; to: string; peer?: string },
  ): ActiveTransfer {
    const { to, peer } = about;
    const caller = peer === undefined ? to : `${to.replace(/:\d+$/, "")} ${peer}`;
    const key = `${caller} ${about.id}`;
    let upload = this.#uploads.get(key);
    if (!upload?.isActive) {
      const count = (bytes: number) => this.totals.served += bytes;
      upload = this.#add(new ActiveTransfer(this.#next++, { ...about, direction: "up" }, count));
      this.#uploads.set(key, upload);
    }
    return upload;
  }

  /** Removes a paused download of the same content from the list: `one` continues it. */
  supersede(one: ActiveTransfer): void {
    for (const other of [...this.#list]) {
      const same = other !== one && other.direction === "down" && other.id === one.id;
      if (same && other.state === "paused") this.#list.splice(this.#list.indexOf(other), 1);
    }
  }

  /** Sets the state of the last download of a content, once nothing works on it any more. */
  mark(id: string, state: "paused" | "cancelled"): void {
    const last = this.#list.findLast((one) => one.direction === "down" && one.id === id);
    if (last?.state !== "paused" && last?.state !== "cancelled") return;
    last.state = state;
    if (state === "paused") last.error = undefined;
  }

  list(): Transfer[] {
    return this.#list.map((one) => one.view());
  }

  #add(one: ActiveTransfer): ActiveTransfer {
    this.#list.push(one);
    const ended = this.#list.filter((other) => !other.isActive);
    for (const old of ended.slice(0, Math.max(0, ended.length - REMEMBERED))) {
      this.#list.splice(this.#list.indexOf(old), 1);
      for (const [key, upload] of this.#uploads) if (upload === old) this.#uploads.delete(key);
    }
    return one;
  }
}
