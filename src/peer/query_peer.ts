import { Fault } from "../fault.ts";
import type { PeerApi } from "./peer_api.ts";
import { Swarm } from "./swarm.ts";

/** Looks at the swarm from outside: it has no folder, shares nothing and can't fetch. */
export class QueryPeer extends Swarm implements PeerApi {
  status = needsFolder;
  share = needsFolder;
  unshare = needsFolder;
  get = needsFolder;
  stream = needsFolder;
  cancel = needsFolder;
  pause = needsFolder;
  resume = needsFolder;
  settings = needsFolder;
  change = needsFolder;
}

function needsFolder(): Promise<never> {
  return Promise.reject(new Fault("usage", "Cannot do that without a shared folder"));
}
