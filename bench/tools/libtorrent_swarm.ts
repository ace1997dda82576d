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
