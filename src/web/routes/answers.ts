/**
 * The answers of the routes, by the names that route_table.ts gives them. The OpenAPI document has its
 * schemas of answers from these types.
 */
import type { ConfigView } from "../../peer/api/config.ts";
import type { Finding } from "../../peer/api/finding.ts";
import type {
  Candidate,
  GetEvent,
  ListedFile,
  ListedPeer,
  ListedSource,
  LiveSettings,
  NewToken,
  PartialStatus,
  PeerStatus,
  Plan,
  Progress,
  Receipt,
  SharedFile,
  ShareResult,
  TokenEntry,
  TrustEntry,
} from "../../peer/api/peer_api.ts";
import type { DownloadMap, History, Uploaded } from "../../peer/api/ui_api.ts";
import type { FaultKind } from "../../fault.ts";

/** The page of a peer, and how to get in. */
export interface UiAddress {
  /** Such as `http://127.0.0.1:10100/`. */
  address: string;
  /** The address of a sign-in that is good once, for 10 minutes. */
  link: string;
  /** The shared folder of the peer: an absolute path. */
  dir: string;
}

/** A failure: the body of an answer, or the last line of one in lines. */
export interface Failure {
  /** The failure. */
  error: FailureFacts;
}

/** The facts of a failure. */
export interface FailureFacts {
  /** The kind: what to do about it. */
  kind?: FaultKind;
  /** One line, for people. */
  message: string;
  /** The next step for the user, where it differs from what the kind suggests. */
  next?: string;
  /** The facts behind the message. */
  details?: { [name: string]: string | number };
  /** For `ambiguous`: the contents that the name stands for. */
  candidates?: Candidate[];
  /** The key of the config file that it is about. */
  field?: string;
}

/** A line of a download: progress and events, at last the receipt or the failure. */
export type DownloadLine =
  | { progress: Progress }
  | { event: GetEvent }
  | { result: Receipt }
  | Failure;

/** A line of a stream: the path of its bytes first, then as of a download. */
export type StreamLine = { content: string } | DownloadLine;

/** A line of a share: bytes hashed, at last the result or the failure. */
export type ShareLine =
  | { progress: { hashed: number; size: number } }
  | { result: ShareResult }
  | Failure;

/** A line of an upload: bytes received or hashed, at last the result or the failure. */
export type UploadLine =
  | { progress: { received: number; size?: number } | { hashed: number; size: number } }
  | { result: Uploaded }
  | Failure;

/** A line of a list of files. */
export type FileLine = { result: ListedFile } | Failure;

/** An entry of a folder: its path is relative to what was asked for. */
export type FolderEntryLine =
  | {
    result:
      | { type: "folder"; path: string }
      | {
        type: "file";
        path: string;
        size: number;
        id: string;
        mtime: number;
        mode: "644" | "755";
      }
      | { type: "link"; path: string; target: string };
  }
  | Failure;

/** Every answer that is JSON or lines of JSON. */
export interface Answers {
  /** The number of the job, under which the events tell of it. */
  job: { job: number };
  hello: { nonce: string; proof: string };
  ui: UiAddress;
  status: PeerStatus;
  peers: ListedPeer[];
  sources: ListedSource[];
  history: History;
  settings: LiveSettings;
  config: ConfigView;
  findings: Finding[];
  fileLine: FileLine;
  entryLine: FolderEntryLine;
  versions: ListedFile[];
  share: SharedFile;
  shareLine: ShareLine;
  downloadLine: DownloadLine;
  plan: Plan;
  partials: PartialStatus[];
  map: DownloadMap;
  /** By file id; null for one that is not being fetched. */
  maps: { [id: string]: DownloadMap | null };
  streamLine: StreamLine;
  /** In the order of the request: null, or what the upload would fail with. */
  checked: (FailureFacts | null)[];
  uploadLine: UploadLine;
  trust: TrustEntry[];
  trustEntry: TrustEntry;
  tokens: TokenEntry[];
  token: TokenEntry;
  newToken: NewToken;
  session: { session: string };
  link: { path: string };
  failure: Failure;
}
