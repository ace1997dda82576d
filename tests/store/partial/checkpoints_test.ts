import { assert, assertEquals } from "@std/assert";
import { Fault } from "../../../src/fault.ts";
import { Checkpoints } from "../../../src/store/partial/checkpoints.ts";
import { faultOf } from "../../support/faults.ts";
import { settle } from "../../support/settle.ts";

const MIB = 1 << 20;

/** Checkpoints whose timer and sync do what the test says. */
class Bench {
  readonly log: string[] = [];
  written = 0;
  /** The work that waits for its time, and how long. */
  timers: { work: () => void; ms: number }[] = [];
  #syncs: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  readonly checkpoints = new Checkpoints({
    snapshot: () => {
      this.log.push(`look ${this.written}`);
      return new Uint8Array([this.written]);
    },
    sync: () => {
      this.log.push("sync");
      return new Promise((resolve, reject) => this.#syncs.push({ resolve, reject }));
    },
    save: ([n]) => this.log.push(`save ${n}`),
    timer: (work, ms) => {
      const timer = { work, ms };
      this.timers.push(timer);
      return () => void (this.timers = this.timers.filter((one) => one !== timer));
    },
  });

  write(mib: number): void {
    this.written += mib;
    this.checkpoints.add(mib * MIB);
  }

  async synced(error?: unknown): Promise<void> {
    const { resolve, reject } = this.#syncs.shift()!;
    if (error) reject(error);
    else resolve();
    await settle();
  }
}

/** True if a promise is settled already. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(() => settled = true, () => settled = true);
  await settle();
  return settled;
}

Deno.test("checkpoint: what is written is looked at, synced, and only then vouched for", async () => {
  const bench = new Bench();
  bench.write(20);
  assertEquals(bench.log, ["look 20", "sync"]);
  bench.write(3);
  await bench.synced();
  assertEquals(bench.log, ["look 20", "sync", "save 20"], "what came meanwhile is not in it");
  bench.timers[0].work();
  await bench.synced();
  assertEquals(bench.log.slice(3), ["look 23", "sync", "save 23"]);
});

Deno.test("checkpoint: a little waits for two seconds, once", async () => {
  const bench = new Bench();
  bench.write(1);
  bench.write(1);
  assertEquals(bench.timers.map(({ ms }) => ms), [2_000]);
  assertEquals(bench.log, []);
  bench.timers[0].work();
  await bench.synced();
  assertEquals(bench.log, ["look 2", "sync", "save 2"]);
  assertEquals(bench.timers, [], "nothing is left to be synced");
});

Deno.test("checkpoint: a slow disk holds up who writes, before too much is at risk", async () => {
  const bench = new Bench();
  bench.write(20);
  assert(await isSettled(bench.checkpoints.room()));
  bench.write(19);
  assert(await isSettled(bench.checkpoints.room()));
  bench.write(1);
  const room = bench.checkpoints.room();
  assertEquals(await isSettled(room), false);
  await bench.synced();
  await room;
  assertEquals(bench.log.slice(2), ["save 20", "look 40", "sync"]);
  await bench.synced();
});

Deno.test("checkpoint: after a sync that failed, nothing is vouched for any more", async () => {
  const bench = new Bench();
  bench.write(20);
  await bench.synced();
  bench.write(20);
  const room = faultOf("disk", async () => {
    bench.write(20);
    await bench.checkpoints.room();
  });
  await bench.synced(new Fault("disk", "no"));
  await room;
  // The next sync would succeed: the system has forgotten what it could not write.
  await faultOf("disk", bench.checkpoints.finish());
  assertEquals(bench.log, ["look 20", "sync", "save 20", "look 40", "sync"]);
  assertEquals(bench.timers, []);
});

Deno.test("checkpoint: the last one comes after the one under way, and covers all", async () => {
  const bench = new Bench();
  bench.write(20);
  bench.write(2);
  const finished = bench.checkpoints.finish();
  await bench.synced();
  await bench.synced();
  await finished;
  assertEquals(bench.log, ["look 20", "sync", "save 20", "look 22", "sync", "save 22"]);
  assertEquals(bench.timers, []);
});
