import { sameFiles } from "../../tests/e2e/world.ts";
import { freePort, ServerProcess } from "../measure/server_process.ts";
import type { Host } from "../netns.ts";
import { findPython, SCRIPT } from "./libtorrent.ts";
import type { SwarmFetcher } from "./swarm_fetcher.ts";
import { writeTorrent } from "./torrent_file.ts";

/** Bytes per piece: what is usual for files of some hundred MiB. */
const PIECE = 256 * 1024;
/** By then each of them has started, in milliseconds. */
const READY_MS = 10_000;
/** By then one of them has started on an idle machine, in milliseconds. */
const START_MS = 3_000;
/** A swarm that hasn't finished by then never will, in milliseconds. */
const FINISH_MS = 600_000;

/** The same by libtorrent, where each knows all others from the start. */
export const libtorrentSwarm: SwarmFetcher = {
  name: "libtorrent",
  ours: false,
  async spread({ hosts: [first, ...hosts], original: { folder, name }, scratch }) {
    const python = await findPython();
    const file = `${folder}/${name}`;
    const torrent = `${scratch}/swarm.torrent`;
    await writeTorrent(torrent, { file, name, piece: PIECE });
    await using stack = new AsyncDisposableStack();
    const start = (host: Host, action: string, into: string, port: number, ...more: string[]) => {
      const words = [python, SCRIPT, action, torrent, into, `${port}`, `${host.rate}`, ...more];
      return stack.use(new ServerProcess([...host.prefix, ...words]));
    };
    const ports = hosts.map(() => freePort());
    const seederPort = freePort();
    const seeder = start(first, "swarm-seed", folder, seederPort);
    await seeder.ready(() => seeder.output.includes(`${seederPort}\n`));
    const addresses = hosts.map(({ address }, index) => `${address}:${ports[index]}`);
    const begin = Date.now() + READY_MS;
    const peers = hosts.map((host, index) => {
      const others = addresses.filter((_, other) => other !== index);
      const into = `${scratch}/${index}`;
      Deno.mkdirSync(into);
      const known = [`${first.address}:${seederPort}`, ...others];
      const more = [`${begin / 1000}`, ...known];
      return start(host, "swarm-fetch", into, ports[index], ...more);
    });
    await Promise.all(
      peers.map((peer, index) =>
        peer.ready(() => peer.output.includes(`${ports[index]}\n`), READY_MS)
      ),
    );
    const seconds = await Promise.all(
      peers.map(async (peer) =>
        Number(await peer.ready(() => peer.output.match(/^took (\S+)\n/m)?.[1], FINISH_MS))
      ),
    );
    for (const index of peers.keys()) {
      if (!await sameFiles(file, `${scratch}/${index}/${name}`)) {
        throw new Error(`what ${addresses[index]} fetched differs`);
      }
    }
    return { seconds, notes: [] };
  },
};

/**
 * Starts a source on one host, to be ended by the stack. The function returned fetches on another
 * host into a folder, and returns the seconds from the first connection to the last byte. Throws
 * NotInstalled.
 */
export async function fetchOnce(
  stack: AsyncDisposableStack,
  { sender, folder, name, scratch }: {
    sender: Host;
    folder: string;
    name: string;
    scratch: string;
  },
): Promise<(host: Host, into: string) => Promise<number>> {
  const python = await findPython();
  const torrent = `${scratch}/link.torrent`;
  await writeTorrent(torrent, { file: `${folder}/${name}`, name, piece: PIECE });
  const [port, own] = [freePort(), freePort()].map(String);
  const seed = [python, SCRIPT, "swarm-seed", torrent, folder, port, "0"];
  const seeder = stack.use(new ServerProcess([...sender.prefix, ...seed]));
  await seeder.ready(() => seeder.output.includes(`${port}\n`));
  return async (host, into) => {
    const start = `${(Date.now() + START_MS) / 1000}`;
    const words = [python, SCRIPT, "swarm-fetch", torrent, into, own, "0", start];
    const known = `${sender.address}:${port}`;
    await using fetcher = new ServerProcess([...host.prefix, ...words, known]);
    const took = () => fetcher.output.match(/^took (\S+)\n/m)?.[1];
    return Number(await fetcher.ready(took, FINISH_MS));
  };
}
