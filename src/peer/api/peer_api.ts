/**
 * The requests that a peer answers, for the shell, the one-shot verbs and the UI alike: PeerNode
 * does the work in this process, ControlClient asks a running peer over its control endpoint.
 * QueryPeer only answers what needs no shared folder. All failures are Faults.
 */
import type { LeftOut } from "../../store/tree/walk_tree.ts";
import type { GetOptions, GetRequest, Plan, Receipt, StreamRequest } from "./get_api.ts";
import type { SharedFile, ShareOptions, ShareRequest, ShareResult } from "./share_api.ts";
import type { ListedPeer, ListedSource, PartialStatus, PeerStatus } from "./status_api.ts";
import type { NewToken, TokenEntry, TokenRequest } from "./token_api.ts";
import type { ListedFile, TrustEntry, TrustRequest } from "./trust_api.ts";

export type { LeftOut };
export type * from "./event_api.ts";
export type * from "./get_api.ts";
export type * from "./share_api.ts";
export type * from "./status_api.ts";
export type * from "./token_api.ts";
export type * from "./trust_api.ts";

/** The settings that can be changed while a peer runs. */
export interface LiveSettings {
  /** Most bytes per second that are served to others; null is no limit. */
  limit_up: number | null;
  /** Most bytes per second that are fetched, by all downloads together; null is no limit. */
  limit_down: number | null;
  /** Replies that are sent at a time: 1 or more. */
  upload_slots: number;
}

/** The questions about a swarm that need no shared folder. */
export interface QueryApi {
  /** The active peers, from every bootstrap. */
  listPeers(): Promise<ListedPeer[]>;
  /** Every peer that has a content of that name, whichever version; each is asked how much it has. */
  listSources(name: string): Promise<ListedSource[]>;
  /** Lists the swarm's files, names in order. `pattern` is a glob; default all. */
  listFiles(pattern?: string): AsyncGenerator<ListedFile>;
  /** Every version of a name that any peer has, the newest of each publisher first. */
  listVersions(name: string): Promise<ListedFile[]>;
}

export interface PeerApi extends QueryApi {
  status(): Promise<PeerStatus>;
  /** Hashes the file unless it is known and unchanged, remembers it, and announces it. */
  share(request: ShareRequest, options?: ShareOptions): Promise<ShareResult>;
  /** Stops sharing; the file itself is left alone. Throws `not_found` for an unknown name. */
  unshare(name: string): Promise<SharedFile>;
  /** Fetches a file to disk; nothing stands at the destination before it is whole and verified. */
  get(request: GetRequest, options?: GetOptions): Promise<Receipt>;
  /**
   * Returns what {@link get} would do. Nothing is fetched, and no publisher is remembered. Throws
   * as that does.
   */
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
  /** Lists the remembered publishers, by name. */
  trust(): Promise<TrustEntry[]>;
  /**
   * Remembers a publisher for a name, in place of any other. Throws `not_found` when no fitting
   * publisher offers it, and `ambiguous` when several do.
   */
  accept(request: TrustRequest): Promise<TrustEntry>;
  /**
   * Forgets the publisher that is remembered for a name, and returns the entry. Throws `not_found`.
   */
  forget(name: string): Promise<TrustEntry>;
  /** Lists the tokens of scripts, by label. */
  tokens(): Promise<TokenEntry[]>;
  /** Makes a token; its secret is told this once. Throws `usage` for a label that is taken. */
  newToken(request: TokenRequest): Promise<NewToken>;
  /** Revokes a token at once, and returns what it was. Throws `not_found`. */
  revokeToken(label: string): Promise<TokenEntry>;
  settings(): Promise<LiveSettings>;
  /** Changes those that are given, for as long as the peer runs, and returns all of them. */
  change(changes: Partial<LiveSettings>): Promise<LiveSettings>;
}
