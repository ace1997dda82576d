import type { SourceReceipt } from "./peer_api.ts";
import type { Run } from "./picker.ts";
import type { Address } from "../wire/connection.ts";
import { formatAddress } from "../wire/connection.ts";
import { Caller } from "../wire/caller.ts";
import { Chunks, Digests, PeerHello } from "../wire/protocol.ts";

/** Somebody who has a file, and what came of asking. */
export interface Source {
  readonly receipt: SourceReceipt;
  /** Connects, where that is needed; may be called again after {@link close}. */
  connect(signal: AbortSignal): Promise<void>;
  /** A page of the hash tree, as yet unverified. */
  digests(level: number, page: number): Promise<Uint8Array<ArrayBuffer>>;
  /** A run of chunks, as yet unverified, in the first bytes of `into`. */
  chunks(run: Run, into: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>>;
  /** Ends the connection; requests under way fail. */
  close(): void;
}

/** A peer that speaks Shoal's own protocol, over one connection. */
export class PeerSource implements Source {
  readonly receipt: SourceReceipt;
  readonly #file: string;
  readonly #address: Address;
  readonly #self: { agent: string; peer: string };
  #caller: Caller | undefined;

  /** `file` is a file id; `self` is what this peer says in `hello`. */
  constructor(file: string, address: Address, self: { agent: string; peer: string }) {
    this.#file = file;
    this.#address = address;
    this.#self = self;
    this.receipt = { address: formatAddress(address), bytes: 0, retries: 0, bad_chunks: 0 };
  }

  async connect(signal: AbortSignal): Promise<void> {
    const { caller, hello } = await Caller.open(this.#address, PeerHello, {
      ...this.#self,
      signal,
    });
    this.#caller = caller;
    this.receipt.peer = hello.peer;
  }

  async digests(level: number, page: number): Promise<Uint8Array<ArrayBuffer>> {
    const request = { action: "get_digests", file: this.#file, level, page };
    return (await this.#connected().request(request, Digests)).payload;
  }

  async chunks(
    { first, count }: Run,
    into: Uint8Array<ArrayBuffer>,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const request = { action: "get_chunks", file: this.#file, first, count };
    return (await this.#connected().request(request, Chunks, { into })).payload;
  }

  close(): void {
    this.#caller?.close();
  }

  #connected(): Caller {
    if (!this.#caller) throw new Error("connect() comes first");
    return this.#caller;
  }
}
