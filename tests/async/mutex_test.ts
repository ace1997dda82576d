import { assertEquals, assertRejects } from "@std/assert";
import { Mutex } from "../../src/async/mutex.ts";

Deno.test("mutex: work runs one at a time, in the order in which it came", async () => {
  const mutex = new Mutex();
  const seen: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = mutex.run(async () => {
    seen.push("first begins");
    await gate.promise;
    seen.push("first ends");
    return 1;
  });
  const second = mutex.run(() => {
    seen.push("second");
    return 2;
  });
  gate.resolve();
  assertEquals(await Promise.all([first, second]), [1, 2]);
  assertEquals(seen, ["first begins", "first ends", "second"]);
});

Deno.test("mutex: what fails tells its caller and stops nobody else", async () => {
  const mutex = new Mutex();
  const failing = mutex.run(() => Promise.reject(new Error("no")));
  const next = mutex.run(() => "yes");
  await assertRejects(() => failing, Error, "no");
  assertEquals(await next, "yes");
  await assertRejects(
    () =>
      mutex.run(() => {
        throw new Error("at once");
      }),
    Error,
    "at once",
  );
});

Deno.test("mutex: idle resolves once all that came before has ended", async () => {
  const mutex = new Mutex();
  let ended = 0;
  mutex.run(() => Promise.reject(new Error("no"))).catch(() => ended++);
  mutex.run(() => void ended++);
  await mutex.idle();
  assertEquals(ended, 2);
});
