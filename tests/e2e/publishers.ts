import type { ShareResult } from "../../src/peer/api/peer_api.ts";
import type { Peer, World } from "./world.ts";

/** A peer that publishes, and how to make it publish. */
export interface Publisher extends Peer {
  /** Its key. */
  key: string;
  /** Puts a file in place, shares it, and returns its id. */
  publish: (name: string, content: string | Uint8Array) => Promise<string>;
}

/** A peer of that name in a world, which publishes as it is told. */
export async function publisher(world: World, name: string): Promise<Publisher> {
  const peer = await world.peer(name);
  const { peer: key } = await world.json<{ peer: string }>(peer.dir, ["status"]);
  const publish = async (file: string, content: string | Uint8Array) => {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    await Deno.writeFile(`${peer.dir}/${file}`, bytes);
    const [{ id }] = await world.json<ShareResult[]>(peer.dir, ["share", file]);
    return id;
  };
  return { ...peer, key, publish };
}
