import { freePort, ServerProcess } from "../measure/server_process.ts";
import { findTool, timedRun } from "../measure/timed_run.ts";
import { parseSize } from "../../src/cli/output/units.ts";
import type { Fetcher } from "./fetcher.ts";
import { writeTorrent } from "./torrent_file.ts";
import { Tracker } from "./tracker.ts";

/** Options of both ends: only the tracker lists peers, and nothing is written but the file. */
const OPTIONS = [
  "--no-conf",
  "--console-log-level=error",
  "--show-console-readout=false",
  "--summary-interval=0",
  "--disable-ipv6=true",
  "--enable-dht=false",
  "--enable-dht6=false",
  "--bt-enable-lpd=false",
  "--enable-peer-exchange=false",
  "--file-allocation=none",
  "--interface=127.0.0.1",
];

/** aria2 from aria2 over BitTorrent. */
export const aria2: Fetcher = {
  name: "get: aria2, BitTorrent",
  async start({ folder, name, size, scratch }, stack) {
    const program = await findTool("aria2c");
    const tracker = stack.use(new Tracker());
    const torrent = `${scratch}/aria2.torrent`;
    await writeTorrent(torrent, { file: `${folder}/${name}`, name, announce: tracker.url });
    const port = freePort();
    const seed = ["--bt-seed-unverified=true", "--seed-ratio=0", `--listen-port=${port}`];
    const seeder = new ServerProcess([program, ...OPTIONS, ...seed, `--dir=${folder}`, torrent]);
    stack.use(seeder);
    await seeder.ready(() => tracker.lists(port));
    return async (into) => {
      const fetch = ["--seed-time=0", `--listen-port=${freePort()}`, `--dir=${into}`];
      const { stdout, seconds } = await timedRun([program, ...OPTIONS, ...fetch, torrent]);
      const rate = averageRate(stdout);
      return { reported: rate && size / rate, process: seconds };
    };
  },
};

/** Bytes per second as aria2's closing table tells them; undefined when it doesn't. */
function averageRate(stdout: string): number | undefined {
  const rate = stdout.match(/\|OK\s*\|\s*([\d.]+[KMG]?i?B)\/s/)?.[1];
  return rate && parseSize(rate) || undefined;
}
