/** Fetching, as a peer is asked for it and tells of it. */
import type { LeftOut } from "../../store/tree/walk_tree.ts";
import type { Taken } from "../../trust/choose_offer.ts";
import type { Kind } from "../../wire/protocol.ts";

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
  /** Leave alone a file that is at the destination, or a folder with something in it. Default false. */
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

export interface GetOptions {
  signal?: AbortSignal;
  /** Called a few times a second, and once at the end. */
  onProgress?: (progress: Progress) => void;
  onEvent?: (event: GetEvent) => void;
}

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

/** What a download ends with. Field names are those of `--json`. */
export interface Receipt {
  kind: Kind;
  name: string;
  id: string;
  /** Bytes; of a folder those of all its files. */
  size: number;
  /** Who signed for it; undefined for a legacy peer's file. */
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
  /** With `update`: bytes of older versions that were never finished, and were removed for this one. */
  older_removed?: number;
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

/** One source's part in a download. */
export interface SourceReceipt {
  address: string;
  /** Its peer id; undefined for a legacy peer. */
  peer?: string;
  bytes: number;
  /** Requests that had to be asked again. */
  retries: number;
  /** Chunks that failed their digest. */
  bad_chunks: number;
  /** Why it was dropped, where it was. */
  dropped?: string;
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
