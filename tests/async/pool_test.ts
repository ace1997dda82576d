import { assert, assertEquals, assertRejects } from "@std/assert";
import { Pool } from "../../src/async/pool.ts";

Deno.test("pool: no more tasks than its size run at a time, and all of them run", async () => {
  const pool = new Pool(3);
  let running = 0;
  let most = 0;
  let done = 0;
  for (let task = 0; task < 20; task++) {
    await pool.add(async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
      done++;
    });
  }
  await pool.settled();
  assertEquals([most, done, running], [3, 20, 0]);
});

Deno.test("pool: the first failure is thrown, and the tasks under way end before", async () => {
  const pool = new Pool(2);
  let ended = false;
  await pool.add(async () => {
    await new Promise((resolve) => setTimeout(resolve, 5));
    ended = true;
    throw new Error("second");
  });
  await pool.add(() => Promise.reject(new Error("first")));
  await assertRejects(() => pool.settled(), Error, "first");
  assert(ended);
  await assertRejects(() => pool.add(() => Promise.resolve()), Error, "first");
});
