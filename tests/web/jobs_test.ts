import { assert, assertEquals } from "@std/assert";
import { Fault } from "../../src/fault.ts";
import { AT_ONCE, Jobs } from "../../src/web/http/jobs.ts";
import { faultOf } from "../support/faults.ts";
import { settled } from "../support/fake_clock.ts";
import { batchOf, statusOf } from "../support/page.ts";
import { RECEIPT, ScriptedPeer } from "../support/scripted_peer.ts";
import type { Receipt } from "../../src/peer/api/peer_api.ts";

Deno.test("jobs: a command is answered at once, and what becomes of it is an event", async () => {
  const got = Promise.withResolvers<Receipt>();
  const peer = new ScriptedPeer({ get: () => got.promise });
  const { ask, clock, signIn, close } = batchOf({ api: peer });
  const headers = await signIn();
  const events = await ask("GET", "/api/v1/events", { headers });
  const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
  const jobs = async () => {
    for (;;) {
      const { value } = await reader.read();
      const data = /^data: (.*)$/m.exec(value!)?.[1];
      if (data && JSON.parse(data).jobs) return JSON.parse(data).jobs;
    }
  };
  assertEquals(await jobs(), { reset: true, set: [], gone: [] });
  const started = await ask("POST", "/api/v1/jobs", { headers, body: { get: { name: "file" } } });
  assertEquals([started.status, await started.json()], [202, { job: 1 }]);
  const running = jobs();
  await clock.pass(200);
  const view = { job: 1, kind: "get", name: "file", state: "running" };
  assertEquals((await running).set, [view]);
  got.resolve(RECEIPT);
  const done = jobs();
  await settled();
  await clock.pass(200);
  const { name, id, size, up_to_date, trust } = RECEIPT;
  const result = { name, id, size, up_to_date, trust };
  assertEquals((await done).set, [{ ...view, state: "done", result }]);
  await reader.cancel();
  close();
});

Deno.test("jobs: a failure has its kind and its facts, a stopped one is told to stop", async () => {
  const jobs = new Jobs();
  const details = { needed: 10, free: 3 };
  jobs.start(
    { kind: "get", name: "a" },
    () => Promise.reject(new Fault("disk", "no room", { details })),
  );
  let reason: unknown;
  const stopped = jobs.start({ kind: "share", name: "b" }, (signal, tell) => {
    tell({ hashed: 1, size: 2 });
    return new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(reason = signal.reason))
    );
  });
  await settled();
  const [first, second] = jobs.list();
  assertEquals([first.state, first.error?.kind, first.error?.details], ["failed", "disk", details]);
  assertEquals([second.state, second.progress], ["running", { hashed: 1, size: 2 }]);
  jobs.stop(stopped);
  await settled();
  assertEquals(jobs.list()[1].state, "failed");
  assert((reason as DOMException).name === "AbortError");
  await faultOf("not_found", Promise.resolve().then(() => jobs.stop(99)));
});

Deno.test("jobs: few of those that ended are kept, and too many at once are refused", async () => {
  const jobs = new Jobs();
  for (let i = 0; i < 300; i++) {
    jobs.start({ kind: "get", name: `${i}` }, () => Promise.resolve(RECEIPT));
  }
  const runs = () => jobs.list().filter(({ state }) => state === "running").length;
  assertEquals(runs(), AT_ONCE);
  while (runs() > 0) await settled();
  assertEquals(jobs.list().length, 100);
  assertEquals(jobs.list()[0].name, "200");
  const endless = () => new Promise<Receipt>(() => {});
  for (let i = 0; i < 5_000; i++) jobs.start({ kind: "get", name: "x" }, endless);
  await faultOf(
    "usage",
    Promise.resolve().then(() => jobs.start({ kind: "get", name: "x" }, endless)),
  );
  assert(jobs.list().length <= 5_100);
  assertEquals(runs(), AT_ONCE);
  // One that waits and is stopped never begins.
  const last = jobs.list().at(-1)!;
  assertEquals(last.state, "waiting");
  jobs.stop(last.job);
  await settled();
  assert(!jobs.list().some(({ job, state }) => job === last.job && state !== "failed"));
});

Deno.test("jobs: what makes no sense is refused before it begins", async () => {
  const peer = new ScriptedPeer();
  const { ask, signIn } = batchOf({ api: peer });
  const headers = await signIn();
  for (const body of [{}, { get: {} }, { put: { name: "x" } }, { get: { name: "x", id: "no" } }]) {
    assertEquals(await statusOf(ask("POST", "/api/v1/jobs", { headers, body })), 400);
  }
  assertEquals(await statusOf(ask("POST", "/api/v1/jobs", { body: { get: { name: "x" } } })), 401);
  assertEquals(await statusOf(ask("DELETE", "/api/v1/jobs/7", { headers })), 404);
  assertEquals(peer.asked, []);
});
