import { PrivateTransport } from "./private_transport.ts";
import { readSwarmKey } from "../swarm_key_file.ts";

/** The way in which the members of a swarm talk, by their key file. Throws a `usage` Fault. */
export async function openSwarm(path: string): Promise<PrivateTransport> {
  return await PrivateTransport.of(readSwarmKey(path));
}
