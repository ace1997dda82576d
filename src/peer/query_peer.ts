import { type Knowledge, standingOf } from "../trust/choose_offer.ts";
import type { BootstrapClient } from "./discovery/bootstrap_client.ts";
import type { NearbyDirectories } from "./discovery/directory.ts";
import type { ListedFile, QueryApi } from "./api/peer_api.ts";
import { listSources } from "./reach/list_sources.ts";
import type { Transport } from "../wire/transport.ts";
import { Swarm } from "./discovery/swarm.ts";

/**
 * Reads what the state of a shared folder says of trust, as far as there is one, when it is first
 * needed.
 */
type PeekTrust = () => Promise<(name: string) => Partial<Knowledge>>;

/** Looks at the swarm from outside: shares nothing and can't fetch. */
export class QueryPeer implements QueryApi {
  readonly #swarm: Swarm;
  readonly #peek: PeekTrust;
  readonly #transport: Transport | undefined;

  /** `transport` is that of a private swarm. */
  constructor(
    bootstraps: BootstrapClient[],
    peek: PeekTrust,
    { nearby, transport }: { nearby?: NearbyDirectories; transport?: Transport } = {},
  ) {
    this.#transport = transport;
    this.#swarm = new Swarm(bootstraps, nearby);
    this.#peek = peek;
  }

  listPeers() {
    return this.#swarm.listPeers();
  }

  listSources(name: string) {
    return listSources(this.#swarm, name, { transport: this.#transport });
  }

  async *listFiles(pattern?: string): AsyncGenerator<ListedFile> {
    const knowledge = await this.#peek();
    for await (const file of this.#swarm.listFiles(pattern)) {
      yield { ...file, trust: standingOf(file.publisher, knowledge(file.name)) };
    }
  }

  async listVersions(name: string): Promise<ListedFile[]> {
    const standing = await this.#peek();
    return (await this.#swarm.versions(name)).map((file) => ({
      ...file,
      trust: standingOf(file.publisher, standing(file.name)),
    }));
  }
}
