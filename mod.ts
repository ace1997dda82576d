/**
 * Shoal as a library: bootstraps and peers in your own process. Nothing is printed, no signal is
 * handled and the process is never ended; failures are thrown as {@link Fault}s. Log records go to
 * LogTape's category `shoal`, which is silent until the program configures it.
 *
 * It takes the Deno runtime, with the permissions net, read, write, env and sys. Node is not supported.
 *
 * @example Share a folder and fetch it elsewhere
 * ```ts
 * import { Bootstrap, Peer } from "shoal";
 *
 * await using bootstrap = await Bootstrap.start({ host: "127.0.0.1", port: 0 });
 * const swarm = { bootstrap: bootstrap.address, host: "127.0.0.1", createDir: true };
 * await using here = await Peer.open({ ...swarm, dir: "here" });
 * await using there = await Peer.open({ ...swarm, dir: "there" });
 *
 * await Deno.mkdir("here/notes");
 * await Deno.writeTextFile("here/notes/todo.txt", "sleep");
 * await here.share("notes");
 * const { files } = await there.get("notes", { wait: 10_000 });
 * if (files?.fetched !== 1) throw new Error("one file was expected");
 * ```
 *
 * @module
 */
export { Bootstrap, type BootstrapSettings } from "./src/library/bootstrap.ts";
export {
  type FetchOptions,
  Peer,
  type PeerMode,
  type PeerOptions,
  type ReadOptions,
  type WhichDownload,
} from "./src/library/peer.ts";
export type { Handover, HandoverOptions, ReceivingOptions } from "./src/library/handover.ts";
export type { SendResult } from "./src/handover/send.ts";
export type { SendEvent } from "./src/handover/send_event.ts";
export type { Offered, OfferedFile } from "./src/handover/receive.ts";
export { Fault, type FaultDetails, type FaultKind } from "./src/fault.ts";
export { VERSION } from "./src/version.ts";
export type {
  BootstrapStatus,
  Candidate,
  ContentKind,
  DownloadFailure,
  FileCounts,
  GetEvent,
  GetOptions,
  GetRequest,
  LeftOut,
  ListedFile,
  ListedPeer,
  LiveSource,
  PartialStatus,
  PeerEvent,
  PeerStatus,
  Plan,
  Progress,
  Receipt,
  SharedFile,
  ShareOptions,
  ShareResult,
  SourceReceipt,
  StreamRequest,
  Transfer,
  TransferState,
  TrustEntry,
} from "./src/peer/api/peer_api.ts";
export type { Path } from "./src/peer/api/path.ts";
export type { Standing, Taken } from "./src/trust/choose_offer.ts";
export type { RelayLimits } from "./src/meet/relay.ts";
export type { BootstrapObserver } from "./src/bootstrap/observer.ts";
