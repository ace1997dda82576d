/** A machine that sleeps in the middle of things: its time asleep is none that others were silent. */
import { assert, assertEquals } from "@std/assert";
import type { PeerStatus } from "../../src/peer/api/peer_api.ts";
import { delay } from "../../src/async/retry.ts";
import { assertSameTree } from "./trees.ts";
import { eventually, partialsOf } from "./checks.ts";
import type { Program } from "./program.ts";
import { sameFiles, World, writeRandom } from "./world.ts";
import { noLinux, testUnless } from "../support/tools.ts";

const MIB = 1 << 20;
/** Longer than a source may bring nothing, and than downloads wait in tests: see Program. */
const ASLEEP_MS = 25_000;

testUnless(
  noLinux,
  "asleep: downloads of a file and a folder, and a look at what is shared, go on",
  async () => {
    await using world = await World.create();
    const source = await world.peer("source", { args: ["--limit-up", "1M"] });
    await writeRandom(`${source.dir}/file`, 3 * MIB);
    await Deno.mkdir(`${source.dir}/folder`);
    for (let n = 0; n < 100; n++) await writeRandom(`${source.dir}/folder/${n}`, 30_000);
    await world.json(source.dir, ["share", "file", "folder"]);

    // These sleep, each download as a process of its own and one behind a running peer.
    const [file, folder] = [await world.folder("file getter"), await world.folder("folder getter")];
    const peer = await world.peer("peer");
    await Deno.mkdir(`${peer.dir}/large`);
    await Deno.writeTextFile(`${peer.dir}/large/sparse`, "");
    await Deno.truncate(`${peer.dir}/large/sparse`, 1_500 * MIB);
    const gets = [
      world.start(file, ["get", "file"]),
      world.start(folder, ["get", "folder"]),
      world.start(peer.dir, ["get", "file"]),
    ];
    for (const dir of [file, folder, peer.dir]) {
      await eventually("it has begun", () => partialsOf(dir).length > 0);
    }
    const before = readBytes(peer.program.pid);
    const share = world.start(peer.dir, ["share", "large", "--json"]);
    await eventually("it is hashed", () => readBytes(peer.program.pid) > before + 16 * MIB);
    const sleepers = [...gets, share, peer.program];
    for (const program of sleepers) program.signal("SIGSTOP");
    try {
      await eventually("it sleeps in the middle of all", () => sleepers.every(isStopped));
      await delay(ASLEEP_MS);
    } finally {
      for (const program of sleepers) program.signal("SIGCONT");
    }
    for (const program of [...gets, share]) assertEquals(await program.ended(), 0, program.stderr);

    for (const dir of [file, peer.dir]) {
      assert(await sameFiles(`${source.dir}/file`, `${dir}/file`));
    }
    await assertSameTree(`${source.dir}/folder`, `${folder}/folder`);
    const { shares } = await world.json<PeerStatus>(peer.dir, ["status"]);
    assertEquals(shares.map(({ name, available }) => [name, available]), [
      ["file", true],
      ["large", true],
    ]);
  },
);

/** The bytes that a process has read so far, from sockets and files. */
function readBytes(pid: number): number {
  return Number(/^rchar: (\d+)/m.exec(Deno.readTextFileSync(`/proc/${pid}/io`))![1]);
}

/** True for a process that is stopped; one that has ended is none. */
function isStopped({ pid }: Program): boolean {
  return /^State:\s+T/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
}
