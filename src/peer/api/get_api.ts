/** Fetching, as a peer is asked for it and tells of it. */
import type { LeftOut } from "../../store/tree/walk_tree.ts";
import type { Taken } from "../../trust/choose_offer.ts";
import type { Path } from "./path.ts";
import type { ContentKind } from "./share_api.ts";

/** A download to disk, as a peer is asked for it. */
export interface GetRequest {
  /** The name to fetch. With `id`, only the name under which the file is put. */
  name: string;
  /** A content: a whole file id, or the first 8 or more hex digits of one. */
  id?: string;
  /**
   * A publisher: a whole peer id, or its first 8 or more hex digits. Default the remembered one.
   */
  publisher?: string;
  /** The expected SHA-256 of the whole file: 64 hex digits. */
  sha256?: string;
  /**
   * Take unsigned contents, too: a legacy peer's file, under a name that no publisher is remembered for.
   * Without it, such a file must be pinned, by a whole `id` or by `sha256`. Default what the peer is set to.
   */
  unsigned?: boolean;
  /** The destination: an absolute path of a file or an existing folder. Default DIR/name. */
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
  /** Time after which it fails with a `deadline` Fault, in milliseconds. Default none. */
  deadline?: number;
  /**
   * Time to wait for a source, in milliseconds. Default 60 s while known sources can't be reached (15 s if none ever was),
   * and none while there are no sources.
   */
  wait?: number;
  /** Most bytes per second. Default what the peer is limited to. */
  limit_down?: number;
}

/** A download in order, as a peer is asked for it. */
export type StreamRequest = Omit<
  GetRequest,
  "output" | "overwrite" | "update" | "delete" | "no_clobber" | "reuse"
>;

/** Options of a download. */
export interface GetOptions {
  /** Ends the download; what was fetched is kept for the next try. */
  signal?: AbortSignal;
  /** Called a few times a second, and once at the end. */
  onProgress?: (progress: Progress) => void;
  /** Called with each event of the download. */
  onEvent?: (event: GetEvent) => void;
}

/** The progress of a download. */
export interface Progress {
  /** The step that it is at. */
  phase: "finding" | "checking" | "connecting" | "fetching" | "finishing";
  /** Bytes that are there, from before and fetched now. */
  bytes: number;
  /** Undefined until the file was found. */
  size?: number;
  /** Bytes per second over the last few seconds. */
  rate: number;
  /** Seconds to go at that rate; undefined when it can't be told. */
  eta?: number;
  /** Sources that are connected. */
  sources: number;
  /** Sources that are being connected, or will be tried again; undefined for none. */
  trying?: number;
  /** The paths by which those that are connected were reached, best first. */
  paths?: Path[];
}

/** An event of a download, for programs: a line of `--json`. */
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
  /** The file at the destination will be written to: nothing can take its place in one step. */
  | { event: "in_place"; name: string; path: string; reason: string }
  | { event: "source_dropped"; name: string; address: string; peer?: string; reason: string };

/** The plan of a `get`. Field names are those of `--json`. */
export interface Plan extends Pick<Receipt, "name" | "id" | "size" | "publisher" | "trust"> {
  /** The destination. */
  path: string;
  /** `none`: it is up to date, or was to be left alone. */
  action: "fetch" | "replace" | "none";
  /** Set when something is at the destination, and was to be left alone. */
  kept?: true;
  /**
   * Bytes that are there or left by an earlier try, bytes that would be copied from files here, as
   * far as their digests are known, and bytes that would be fetched. Together they are `size`.
   */
  bytes: { there: number; reused: number; missing: number };
  /** The sources that would be asked. */
  sources: string[];
}

/** The receipt of a download. Field names are those of `--json`. */
export interface Receipt {
  /** The kind of content. */
  kind: ContentKind;
  /** The name that was asked for. */
  name: string;
  /** File id, 64 hex digits. */
  id: string;
  /** Bytes; of a folder those of all its files. */
  size: number;
  /** The publisher that signed the announcement; undefined for a legacy peer's file. */
  publisher?: string;
  /** The reason to trust it; undefined for a file that was there and was left alone. */
  trust?: Taken;
  /** Of the whole file, where that was to be compared, and was as it should be. */
  sha256?: string;
  /** The path of the file; undefined for a download to standard output. */
  path?: string;
  /** True when the destination held the same content already and nothing was transferred. */
  up_to_date: boolean;
  /** Set when something was at the destination, and was to be left alone: `id` and `size` are its own. */
  kept?: true;
  /** The time that it took. */
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
  /** Of a folder: what became of its files. */
  files?: FileCounts;
  /** Links of a folder that lead out of the part that was fetched. */
  left_out?: LeftOut[];
  /** With `update`: bytes of older versions that were never finished, and were removed for this one. */
  older_removed?: number;
  /** The sources that sent something, or were dropped. */
  sources: SourceReceipt[];
}

/** The numbers of a folder's files, by what was done with them. */
export interface FileCounts {
  /** Fetched from others. */
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
  /** Its address: `HOST:PORT`. */
  address: string;
  /** Its peer id; undefined for a legacy peer. */
  peer?: string;
  /** The path by which it was reached last; undefined before, and for a legacy peer. */
  path?: Path;
  /** Bytes that it sent, and that were right. */
  bytes: number;
  /** Requests that had to be asked again. */
  retries: number;
  /** Chunks that failed their digest. */
  bad_chunks: number;
  /** The reason why it was dropped, if it was. */
  dropped?: string;
}

/** Thrown (as the `cause` of an `ambiguous` Fault) are the candidates for a name. */
export interface Candidate {
  /** The name that was asked for. */
  name: string;
  /** File id, 64 hex digits. */
  id: string;
  /** Bytes. */
  size: number;
  /** The publisher: a peer id. */
  publisher: string;
  /** The time of its announcement, in milliseconds since 1970. */
  time: number;
  /** The number of its sources. */
  sources: number;
}
