import { assertEquals, assertRejects } from "@std/assert";
import { RANK, ShareWork, Superseded } from "../../../src/peer/share/share_work.ts";

/** Work that does not end until it is told to, or its signal aborts. */
function held() {
  const { promise, resolve } = Promise.withResolvers<void>();
  const work = (signal: AbortSignal) =>
    new Promise<void>((done, fail) => {
      promise.then(done);
      signal.addEventListener("abort", () => fail(signal.reason));
    });
  return { work, end: resolve };
}

Deno.test("share work: one at a time for a name, in the order in which it came", async () => {
  const owner = new ShareWork();
  const first = held();
  const order: string[] = [];
  const running = owner.run("a", { rank: RANK.publish }, async (signal) => {
    await first.work(signal);
    order.push("first");
  });
  const next = owner.run("a", { rank: RANK.publish }, () => Promise.resolve(order.push("second")));
  await owner.run("b", { rank: RANK.publish }, () => Promise.resolve(order.push("other name")));
  first.end();
  await Promise.all([running, next]);
  assertEquals(order, ["other name", "first", "second"]);
});

Deno.test("share work: a withdrawal ends looks and publications, queued ones too", async () => {
  const owner = new ShareWork();
  const reason = new Error("withdrawn");
  const look = owner.run("Ä", { rank: RANK.look }, held().work);
  const publish = owner.run("ä", { rank: RANK.publish }, () => Promise.resolve());
  const superseded = assertRejects(() => look, Superseded);
  const ended = assertRejects(() => publish, Error, "withdrawn");
  assertEquals(
    await owner.run("ä", { rank: RANK.withdraw, reason }, () => Promise.resolve("done")),
    "done",
  );
  await Promise.all([superseded, ended]);
});

Deno.test("share work: a look ends nothing, and its own signal ends it", async () => {
  const owner = new ShareWork();
  const publish = held();
  const running = owner.run("a", { rank: RANK.publish }, publish.work);
  const abort = new AbortController();
  const look = owner.run("a", { rank: RANK.look, signal: abort.signal }, () => Promise.resolve());
  abort.abort(new Error("enough"));
  publish.end();
  await running;
  await assertRejects(() => look, Error, "enough");
});
