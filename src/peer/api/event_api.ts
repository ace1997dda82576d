/** The events of a peer, as programs and webhooks hear of them. */
import type { FaultDetails, FaultKind } from "../../fault.ts";
import type { Receipt } from "./get_api.ts";
import type { SharedFile } from "./share_api.ts";
import type { BootstrapStatus } from "./status_api.ts";

/** The failure of a download. */
export interface DownloadFailure {
  /** The name that was asked for. */
  name: string;
  /** File id, 64 hex digits; undefined when it failed before the content was found. */
  id?: string;
  /** Undefined for an unexpected failure. */
  kind?: FaultKind;
  /** One line. */
  message: string;
  /** The facts behind the message. */
  details?: FaultDetails;
}

/** An event of a peer: the values of `event` tell its shapes apart. */
export type PeerEvent =
  /** A download began. One that goes on by itself after a pause does not begin again. */
  | { event: "download_started"; name: string }
  /** A download is complete and verified, or there was nothing to fetch. */
  | { event: "download_done"; receipt: Receipt }
  /** A download ended without its content. A peer that serves may try it again by itself. */
  | { event: "download_failed"; failure: DownloadFailure }
  /** A download was ended or paused on request. */
  | { event: "download_stopped"; name: string; id?: string }
  /** A name is shared that was not. */
  | { event: "shared"; file: SharedFile }
  /** A shared name stands for other content from now on; `previous` is the file id until now. */
  | { event: "new_version"; file: SharedFile; previous: string }
  /** A name is no longer shared. */
  | { event: "unshared"; file: SharedFile }
  /** A bootstrap was reached, was lost, or lists this peer otherwise. */
  | { event: "bootstrap"; bootstrap: BootstrapStatus }
  /** The listener was too slow: this many events were dropped, the oldest first. */
  | { event: "missed"; count: number };
