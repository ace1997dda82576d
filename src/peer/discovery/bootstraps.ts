import { type Address, formatAddress } from "../../wire/connection.ts";
import type { Transport } from "../../wire/transport.ts";
import type { BootstrapStatus } from "../api/peer_api.ts";
import { Homes } from "./homes.ts";
import { BootstrapClient, type MaintainOptions } from "./bootstrap_client.ts";

type Upkeep = Omit<MaintainOptions, "signal">;

/** The bootstraps of a peer. They can be changed while it runs. */
export class Bootstraps {
  /** The bootstraps in use: the same array for good, so that all who are given it see changes. */
  readonly list: BootstrapClient[];
  readonly #upkeep = new Map<BootstrapClient, { abort: AbortController; ended: Promise<void> }>();
  readonly #client: (address: Address) => BootstrapClient;
  #options: Upkeep | undefined;

  /**
   * `transport` is how they are talked to, by default in the clear; `onStatus` is called with each new
   * state of one of them.
   */
  constructor(
    addresses: Address[],
    transport?: Transport,
    onStatus: (status: BootstrapStatus) => void = () => {},
  ) {
    const homes = new Homes<unknown>();
    this.#client = (address) => new BootstrapClient(address, { transport, onStatus, homes });
    this.list = addresses.map(this.#client);
  }

  /**
   * Keeps this peer listed at all of them (at one of those that share a registry), and at those that
   * are added, until {@link stop}.
   */
  maintain(options: Upkeep): void {
    this.#options = options;
    for (const client of this.list) this.#begin(client);
  }

  /** Uses exactly these from now on. Resolves when those that go have been told. */
  async set(addresses: Address[]): Promise<void> {
    const wanted = new Map(addresses.map((address) => [formatAddress(address), address]));
    const known = new Set(this.list.map(String));
    const gone = this.list.filter((client) => !wanted.has(String(client)));
    const added = [...wanted].filter(([text]) => !known.has(text))
      .map(([, address]) => this.#client(address));
    this.list.push(...added);
    for (const client of gone) this.list.splice(this.list.indexOf(client), 1);
    for (const client of added) this.#begin(client);
    await Promise.all(gone.map(async (client) => {
      await this.#end(client);
      client.close();
    }));
  }

  /** True if this peer dialled a bootstrap at that address and registered there. */
  isRegisteredAt(address: Address): boolean {
    const wanted = formatAddress(address);
    return this.list.some(({ dialled }) => dialled && formatAddress(dialled) === wanted);
  }

  /** Registers anew at all of them, to be listed at this address. */
  async advertise(address: Address | undefined): Promise<void> {
    if (!this.#options) return;
    this.#options = { ...this.#options, advertise: address };
    await Promise.all(this.list.map(async (client) => {
      await this.#end(client);
      if (this.list.includes(client)) this.#begin(client);
    }));
  }

  /** Says goodbye to all. */
  async stop(): Promise<void> {
    this.#options = undefined;
    await Promise.all([...this.#upkeep.keys()].map((client) => this.#end(client)));
  }

  /** Ends all asking. */
  close(): void {
    for (const client of this.list) client.close();
  }

  #begin(client: BootstrapClient): void {
    if (!this.#options || this.#upkeep.has(client)) return;
    const abort = new AbortController();
    const ended = client.maintain({ ...this.#options, signal: abort.signal });
    this.#upkeep.set(client, { abort, ended });
  }

  async #end(client: BootstrapClient): Promise<void> {
    const upkeep = this.#upkeep.get(client);
    upkeep?.abort.abort();
    await upkeep?.ended;
    if (this.#upkeep.get(client) === upkeep) this.#upkeep.delete(client);
  }
}
