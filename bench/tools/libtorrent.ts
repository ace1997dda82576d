import { ServerProcess } from "../measure/server_process.ts";
import { findTool, NotInstalled, timedRun } from "../measure/timed_run.ts";
import type { Fetcher } from "./fetcher.ts";
import { writeTorrent } from "./torrent_file.ts";

/** The script that runs one end: see its first lines. */
export const SCRIPT = decodeURIComponent(new URL("libtorrent_end.py", import.meta.url).pathname);
/** Distributions install the binding for their own Python, which may not be the first in `$PATH`. */
const PYTHON = "/usr/bin/python3";

/** libtorrent from libtorrent over TCP, by its Python binding. */
export const libtorrent: Fetcher = {
  name: "get: libtorrent, BitTorrent",
  async start({ folder, name, scratch }, stack) {
    const python = await findPython();
    const torrent = `${scratch}/libtorrent.torrent`;
    await writeTorrent(torrent, { file: `${folder}/${name}`, name });
    const seeder = stack.use(new ServerProcess([python, SCRIPT, "seed", torrent, folder]));
    const port = await seeder.ready(() => seeder.output.match(/^(\d+)\n/)?.[1]);
    return async (into) => {
      const { stdout, seconds } = await timedRun([python, SCRIPT, "fetch", torrent, into, port]);
      return { reported: Number(stdout), process: seconds };
    };
  },
};

/** A Python that has libtorrent. Throws {@link NotInstalled}. */
export async function findPython(): Promise<string> {
  const known = (await Deno.stat(PYTHON).catch(() => undefined))?.isFile;
  const python = known ? PYTHON : await findTool("python3");
  try {
    await timedRun([python, "-c", "import libtorrent"]);
  } catch (cause) {
    throw new NotInstalled("libtorrent is not installed", { cause });
  }
  return python;
}
