import { Fault } from "../fault.ts";
import { type Knowledge, standingOf } from "../trust/choose_offer.ts";
import type { BootstrapClient } from "./discovery/bootstrap_client.ts";
import type { ListedFile, PeerApi } from "./api/peer_api.ts";
import { Swarm } from "./discovery/swarm.ts";

/** What a shared folder says of trust, as far as there is one: looked at when it is first needed. */
export type PeekTrust = () => Promise<(name: string) => Partial<Knowledge>>;

/** Looks at the swarm from outside: it shares nothing and can't fetch. */
export class QueryPeer implements PeerApi {
  readonly #swarm: Swarm;
  readonly #peek: PeekTrust;

  constructor(bootstraps: BootstrapClient[], peek: PeekTrust) {
    this.#swarm = new Swarm(bootstraps);
    this.#peek = peek;
  }

  listPeers() {
    return this.#swarm.listPeers();
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

  status = needsFolder;
  share = needsFolder;
  unshare = needsFolder;
  get = needsFolder;
  plan = needsFolder;
  stream = needsFolder;
  cancel = needsFolder;
  pause = needsFolder;
  resume = needsFolder;
  settings = needsFolder;
  change = needsFolder;
  trust = needsFolder;
  accept = needsFolder;
  forget = needsFolder;
}

function needsFolder(): Promise<never> {
  return Promise.reject(new Fault("usage", "Cannot do that without a shared folder"));
}
