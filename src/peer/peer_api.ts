/**
 * What a peer can be asked to do, by the shell, the one-shot verbs and the page alike. There are two
 * of it: PeerNode does the work in this process; ControlClient asks a running peer over its control
 * endpoint. All failures are Faults.
 */
import type { TrustRecord } from "../store/trust_store.ts";
import type { Standing, Taken } from "../trust/choose_offer.ts";
import type { LeftOut } from "../store/walk_tree.ts";
import type { FileRecord, Kind, PeerRecord } from "../wire/protocol.ts";

export type { FileRecord, Kind, LeftOut, PeerRecord };

/** One line of a listing, and what is known of its publisher in connection with its name. */
export type ListedFile = FileRecord & { trust: Standing };

/** Who is remembered for a name. */
export type TrustEntry = TrustRecord;

export interface TrustRequest {
  name: string;
  /** A peer id, or the first 8 or more hex digits of one that offers the name. Default the only one. */
  publisher?: string;
}

/** A file or folder that this peer shares. */
export interface SharedFile {
  kind: Kind;
  /** Relative POSIX path by which others ask for it. */
  name: string;
  /** Where it lies on this machine: an absolute path. */
  path: string;
  /** File id, 64 hex digits; of a folder that of its manifest. */
  id: string;
  /** Bytes; of a folder those of all its files. */
  size: number;
  /** Of a folder: files, folders and links in it. */
  entries?: number;
  /** True when changes are looked for all the time, and announced. */
  watched: boolean;
  /** When it was modified, in milliseconds since 1970. */
  mtime: number;
  /** Who announced it: a peer id. This peer's own, unless it holds another's file. */
  publisher: string;
  /** Bytes of it that were served to others since it was shared. */
  served: number;
  /** False while the file is missing, or is no longer what was announced. */
  available: boolean;
}

export interface ShareRequest {
  /** A name under DIR, or a path: absolute, or relative to `cwd`. */
  file: string;
  /** The folder that the asker stands in: an absolute path. */
  cwd: string;
  /** Look for changes all the time from now on, and announce them. Default as it is; at first false. */
  watch?: boolean;
}

export interface ShareResult extends SharedFile {
  /** False when the file, or all that is in the folder, was known and unchanged. */
  hashed: boolean;
  /** What of a folder can't be shared, and why. */
  left_out?: LeftOut[];
  seconds: number;
}

export interface GetRequest {
  /** What to fetch by name. With `id` it only says what to call it. */
  name: string;
  /** Which content: a whole file id, or the first 8 or more hex digits of one. */
  id?: string;
  /** Whose: a whole peer id, or its first 8 or more hex digits. Default the one who is remembered. */
  publisher?: string;
  /** What the SHA-256 of the whole file must be: 64 hex digits. */
  sha256?: string;
  /** Where to put it: an absolute path of a file or an existing folder. Default DIR/name. */
  output?: string;
  /** Replace what is at the destination. Default false. */
  overwrite?: boolean;
  /**
   * Bring what is at the destination up to date: a file by the remembered publisher's version, if that is
   * no older one; of a folder, what is new or has changed. Default false.
   */
  update?: boolean;
  /** With `update`: remove from a folder what is no longer in it. Default false. */
  delete?: boolean;
  /** Leave alone what is at the destination, whatever it is. Default false. */
  no_clobber?: boolean;
  /** Files to copy chunks from that needn't be fetched then: absolute paths. */
  reuse?: string[];
  /** How long it may take, in milliseconds; then it fails with a `deadline` Fault. Default for ever. */
  deadline?: number;
  /**
   * How long to wait while nobody who has it can be reached, or nobody has it yet, in milliseconds.
   * Default 60 s, but not at all for what nobody has.
   */
  wait?: number;
  /** Most bytes per second. Default what the peer is limited to. */
  limit_down?: number;
}

export type StreamRequest = Omit<
  GetRequest,
  "output" | "overwrite" | "update" | "delete" | "no_clobber" | "reuse"
>;

/** How far a download is. */
export interface Progress {
  phase: "finding" | "checking" | "connecting" | "fetching" | "finishing";
  /** What is there: fetched now, or from before. */
  bytes: number;
  /** Undefined until the file was found. */
  size?: number;
  /** Bytes per second over the last few seconds. */
  rate: number;
  /** Seconds to go at that rate; undefined when it can't be told. */
  eta?: number;
  /** Sources that are connected. */
  sources: number;
}

/** What happens to a download, for programs: lines of `--json`. */
export type GetEvent =
  /** It is known what will be fetched, and from how many. */
  | {
    event: "found";
    name: string;
    id: string;
    size: number;
    publisher?: string;
    trust: Taken;
    sources: number;
  }
  | { event: "source_dropped"; name: string; address: string; peer?: string; reason: string };

/** What a `get` would do. Field names are those of `--json`. */
export interface Plan extends Pick<Receipt, "name" | "id" | "size" | "publisher" | "trust"> {
  /** Where it would be put. */
  path: string;
  /** `none`: it is up to date, or was to be left alone. */
  action: "fetch" | "replace" | "none";
  /** Set when something is at the destination, and was to be left alone. */
  kept?: true;
  /**
   * What is there or was left by an earlier try, what would be copied from files here, as far as their
   * digests are known, and what would be fetched. Together they are `size`.
   */
  bytes: { there: number; reused: number; missing: number };
  /** Who would be asked. */
  sources: string[];
}

/** One source's part in a download. */
export interface SourceReceipt {
  address: string;
  /** Its peer id; undefined for a seed peer. */
  peer?: string;
  bytes: number;
  /** Requests that had to be asked again. */
  retries: number;
  /** Chunks that failed their digest. */
  bad_chunks: number;
  /** Why it was dropped, where it was. */
  dropped?: string;
}

/** What a download ends with. Field names are those of `--json`. */
export interface Receipt {
  kind: Kind;
  name: string;
  id: string;
  /** Bytes; of a folder those of all its files. */
  size: number;
  /** Who signed for it; undefined for a seed peer's file. */
  publisher?: string;
  /** Why it was taken; undefined for what was there and was left alone. */
  trust?: Taken;
  /** Of the whole file, where that was to be compared, and was as it should be. */
  sha256?: string;
  /** Where it was put; undefined for a download to standard output. */
  path?: string;
  /** True when the destination held the same content already and nothing was transferred. */
  up_to_date: boolean;
  /** Set when something was at the destination, and was to be left alone: `id` and `size` are its own. */
  kept?: true;
  seconds: number;
  /** Bytes that were transferred and verified. */
  bytes: number;
  /** Bytes per second, overall. */
  rate: number;
  /**
   * Reused: there before, in the partial or in another file, and verified again. Refetched: those that
   * had been wrong.
   */
  chunks: { reused: number; fetched: number; refetched: number };
  /** Of a folder: what became of its files, and links that lead out of the part that was fetched. */
  files?: FileCounts;
  left_out?: LeftOut[];
  sources: SourceReceipt[];
}

/** What became of the files of a folder. */
export interface FileCounts {
  fetched: number;
  /** Copied from other files on this machine that have the same content. */
  copied: number;
  /** There already, as they should be. */
  unchanged: number;
  /** Removed, with links and folders, because the folder has them no longer. */
  deleted: number;
}

/**
 * `paused` is a download that a running peer will go on with by itself, or, when it was paused by
 * request, with `resume`.
 */
export type TransferState = "active" | "paused" | "done" | "failed" | "cancelled";

/** One source of a download that is under way. */
export interface LiveSource {
  address: string;
  /** Its peer id; undefined for a seed peer, and before it was connected. */
  peer?: string;
  /**
   * `waiting` to be tried, `pausing` after a failure, `lost` until it is found again, `dropped` for
   * good.
   */
  state: "waiting" | "connecting" | "connected" | "pausing" | "lost" | "dropped";
  /** Bytes per second, lately. */
  rate: number;
  /** What it brought of this download. */
  bytes: number;
  retries: number;
  /** Why it isn't in use, where there is a reason. */
  error?: string;
}

/** A download or upload, under way or recently ended. */
export interface Transfer {
  /** Number within this run of the peer. */
  transfer: number;
  name: string;
  id?: string;
  direction: "down" | "up";
  state: TransferState;
  bytes: number;
  size?: number;
  /** 0 to 100. */
  percent: number;
  rate: number;
  eta?: number;
  /** Down: sources connected. Up: 1. */
  sources: number;
  /** Down: requests that had to be asked again, of all sources. */
  retries: number;
  /** Down, while it is active: the sources, those in use first. */
  from: LiveSource[];
  /** Up: who is served. */
  to?: string;
  /** Up: the peer id that it says it has. */
  peer?: string;
  /** Why it failed. */
  error?: string;
  /** When it began, in milliseconds since 1970. */
  started: number;
}

export interface BootstrapStatus {
  address: string;
  state: "connecting" | "registered" | "seed" | "away" | "idle";
  /** What this peer is listed as there. */
  listed?: string;
  /** Whether the bootstrap could call it there; undefined until that is known. */
  reachable?: boolean;
  error?: string;
}

/** A download that is not whole, and what of it is kept. */
export interface PartialStatus {
  kind: Kind;
  name: string;
  id: string;
  size: number;
  /** Bytes that needn't be fetched again. */
  bytes: number;
  /** When it last got further, as far as that is on disk, in milliseconds since 1970. */
  updated: number;
  /** `active` is being worked on now; `paused` goes on with the next `get`, or by itself. */
  state: "active" | "paused";
  /** Why it paused, where this peer saw it. */
  error?: string;
  /** Set when it was paused by request: it goes on with `resume` or the next `get`, not by itself. */
  on_request?: true;
}

export interface PeerStatus {
  /** This peer's id. */
  peer: string;
  agent: string;
  /** Where it listens; undefined for a one-shot peer. */
  listening?: string;
  dir: string;
  /** `fingerprint`, 16 hex digits, tells one private swarm from another, and nothing of its key. */
  swarm: { private: false } | { private: true; fingerprint: string };
  /** Seconds since it started. */
  uptime: number;
  bootstraps: BootstrapStatus[];
  shares: SharedFile[];
  transfers: Transfer[];
  partials: PartialStatus[];
  /** Bytes since it started. */
  totals: { served: number; fetched: number };
}

/** What can be changed while a peer runs. */
export interface LiveSettings {
  /** Most bytes per second that are served to others; null is no limit. */
  limit_up: number | null;
  /** Most bytes per second that are fetched, by all downloads together; null is no limit. */
  limit_down: number | null;
  /** Replies that are sent at a time: 1 or more. */
  upload_slots: number;
}

/** Thrown (as the `cause` of an `ambiguous` Fault) are the candidates for a name. */
export interface Candidate {
  name: string;
  id: string;
  size: number;
  publisher: string;
  time: number;
  sources: number;
}

export interface ShareOptions {
  signal?: AbortSignal;
  /** Bytes hashed so far, of how many. */
  onProgress?: (hashed: number, size: number) => void;
}

export interface GetOptions {
  signal?: AbortSignal;
  /** Called a few times a second, and once at the end. */
  onProgress?: (progress: Progress) => void;
  onEvent?: (event: GetEvent) => void;
}

export interface PeerApi {
  status(): Promise<PeerStatus>;
  /** Hashes the file unless it is known and unchanged, remembers it, and announces it. */
  share(request: ShareRequest, options?: ShareOptions): Promise<ShareResult>;
  /** Stops sharing; the file itself is left alone. Throws `not_found` for an unknown name. */
  unshare(name: string): Promise<SharedFile>;
  /** Fetches a file to disk; nothing stands at the destination before it is whole and verified. */
  get(request: GetRequest, options?: GetOptions): Promise<Receipt>;
  /** What {@link get} would do. Nothing is fetched, and nobody is remembered. Throws as that does. */
  plan(request: GetRequest, options?: { signal?: AbortSignal }): Promise<Plan>;
  /** Fetches a file in order into `output`, each chunk verified before it is passed on. */
  stream(
    request: StreamRequest,
    output: WritableStream<Uint8Array>,
    options?: GetOptions,
  ): Promise<Receipt>;
  /**
   * Ends the downloads of a name and removes what they left, or with `id` (a file id or its beginning)
   * only those of that content. Returns what is gone. Throws `not_found` when there is none.
   */
  cancel(request: Pick<GetRequest, "name" | "id">): Promise<PartialStatus[]>;
  /**
   * Stops those downloads for now, across restarts of the peer; what there is of them stays. Chosen as
   * for {@link cancel}, and returned.
   */
  pause(request: Pick<GetRequest, "name" | "id">): Promise<PartialStatus[]>;
  /** Goes on with downloads that were paused, chosen as for {@link cancel}, and returns them. */
  resume(request: Pick<GetRequest, "name" | "id">): Promise<PartialStatus[]>;
  /** The active peers, from every bootstrap. */
  listPeers(): Promise<PeerRecord[]>;
  /** What the swarm offers, names in order. `pattern` is a glob; default all. */
  listFiles(pattern?: string): AsyncIterable<ListedFile>;
  /** Every version of a name that somebody has, the newest of each publisher first. */
  listVersions(name: string): Promise<ListedFile[]>;
  /** Who is remembered, by name. */
  trust(): Promise<TrustEntry[]>;
  /**
   * Remembers a publisher for a name, in place of any other. Throws `not_found` when nobody who fits
   * offers it, and `ambiguous` when several do.
   */
  accept(request: TrustRequest): Promise<TrustEntry>;
  /** Forgets who is remembered for a name, and returns that. Throws `not_found`. */
  forget(name: string): Promise<TrustEntry>;
  settings(): Promise<LiveSettings>;
  /** Changes those that are given, for as long as the peer runs, and returns all of them. */
  change(changes: Partial<LiveSettings>): Promise<LiveSettings>;
}
