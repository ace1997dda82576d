/** Times of files that a clock, a disk, the protocol or the database can't have. */
import { assert, assertEquals } from "@std/assert";
import type { PeerStatus, Receipt } from "../../src/peer/api/peer_api.ts";
import { eventually } from "./checks.ts";
import { MountedDisk as Disk, noMount } from "./mounted_disk.ts";
import { World } from "./world.ts";
import { lacking, testUnless } from "../support/tools.ts";
import { outputOf } from "../support/output_of.ts";

/** Times in seconds since 1970, and what becomes of them in milliseconds: before 1970 is 1970. */
const TIMES: Record<string, [seconds: string, told: number]> = {
  "in 1966": ["-100000000", 0],
  "just before 1970": ["-1", 0],
  "beyond every Date": ["9000000000000", 0],
  "in the year 5138": ["100000000000", 100_000_000_000_000],
  "in 2001": ["1000000000", 1_000_000_000_000],
};

testUnless(
  noMount ?? lacking("touch"),
  "odd times: no share, restart or update fails of them",
  async () => {
    await using world = await World.create();
    await using disk = await Disk.mount(world, 32 << 20);
    await Deno.mkdir(`${disk.path}/tree`);
    for (const [name, [seconds]] of Object.entries(TIMES)) {
      for (const path of [`${disk.path}/${name}`, `${disk.path}/tree/${name}`]) {
        await Deno.writeTextFile(path, name);
        assertEquals(
          (await outputOf("touch", { args: ["-d", `@${seconds}`, path] })).success,
          true,
        );
      }
    }
    const names = [...Object.keys(TIMES), "tree"];
    const words = ["0", "--host", "127.0.0.1"];
    const first = world.start(disk.path, words);
    await first.sees(/registered with/);
    const shared = await world.json<{ name: string; mtime: number }[]>(disk.path, [
      "share",
      ...names,
    ]);
    for (const { name, mtime } of shared) {
      if (name !== "tree") {
        assertEquals(mtime, TIMES[name][1], name);
      }
    }
    assertEquals(await first.stop(), 143);
    const again = world.start(disk.path, words);
    await again.sees(/registered with/);
    await eventually("all are available after the restart", async () => {
      const { shares } = await world.json<PeerStatus>(disk.path, ["status"]);
      return shares.length === names.length && shares.every(({ available }) => available);
    });
    // The disk of the getter may hold less than that of the source.
    await using other = await Disk.mount(world, 32 << 20, "other");
    for (const dir of [other.path, await world.folder("getter")]) {
      for (const name of names) await world.json(dir, ["get", name]);
      for (const [name, [, told]] of Object.entries(TIMES)) {
        for (const path of [`${dir}/${name}`, `${dir}/tree/${name}`]) {
          assertEquals(await Deno.readTextFile(path), name);
          const { mtime } = await Deno.stat(path);
          if (dir === other.path) assertEquals(mtime?.getTime(), told, path);
        }
      }
      for (const name of names) {
        const receipt = await world.json<Receipt>(dir, ["get", name, "--update"]);
        assert(receipt.up_to_date, `${dir}/${name}`);
      }
    }
  },
);
