import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { Fault } from "../../src/fault.ts";
import type { Candidate } from "../../src/peer/api/peer_api.ts";
import { fromApiError, statusOf, toApiError } from "../../src/web/http/api_error.ts";
import { jsonLines, readJsonLines } from "../../src/web/http/json_lines.ts";
import { linesOf } from "../support/control.ts";
import { gate } from "../support/download.ts";

Deno.test("api error: what travels comes back as it was", () => {
  const cause: Candidate[] = [];
  const there = (error: unknown) => fromApiError(JSON.parse(JSON.stringify(toApiError(error))));
  const fault = there(new Fault("ambiguous", "choose", { cause })) as Fault;
  assertEquals([fault.kind, fault.message, fault.cause], ["ambiguous", "choose", cause]);
  assertEquals((there(new Fault("disk", "full", { cause: "secret" })) as Fault).cause, undefined);
  const other = there(new TypeError("bug"));
  assert(!(other instanceof Fault));
  assertEquals([other.message, statusOf(other)], ["bug", 500]);
});

Deno.test("json lines: values come back however their bytes are cut", async () => {
  const values = fc.array(fc.jsonValue(), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(values, fc.integer({ min: 1, max: 40 }), async (written, step) => {
      const text = written.map((value) => JSON.stringify(value) + "\n").join("");
      const bytes = new TextEncoder().encode(text);
      const cuts: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += step) cuts.push(bytes.subarray(at, at + step));
      const read = await Array.fromAsync(readJsonLines(ReadableStream.from(cuts)));
      assertEquals(JSON.stringify(read), JSON.stringify(written));
    }),
  );
});

Deno.test("json lines: a cut, a broken or an endless line is an error", async () => {
  const read = (text: string, cap?: number) =>
    Array.fromAsync(readJsonLines(ReadableStream.from([new TextEncoder().encode(text)]), cap));
  await assertRejects(() => read('{"a":1}\n{"b"'), SyntaxError, "cut off");
  await assertRejects(() => read("{}"), SyntaxError, "cut off");
  await assertRejects(() => read("{\n"), SyntaxError);
  await assertRejects(() => read("x".repeat(11), 10), RangeError, "over 10 characters");
  assertEquals(await read(""), []);
});

Deno.test("json lines: a slow reader misses progress, but never the end", async () => {
  const more = gate();
  const answer = jsonLines(async (emit) => {
    for (let n = 0; n < 500; n++) emit({ n });
    await more.passed;
    for (let n = 500; n < 1_000; n++) emit({ n });
    return { result: "done" };
  }, { holdMs: 0 });
  const response = await answer;
  more.open();
  const lines = await linesOf(response);
  assert(lines.length > 1 && lines.length < 100, `${lines.length} lines`);
  assertEquals(lines[0], { n: 0 });
  assertEquals(lines.at(-1), { result: "done" });
});

Deno.test("json lines: what is soon done is answered in one piece", async () => {
  const response = await jsonLines((emit) => {
    for (let n = 0; n < 1_000; n++) emit({ n });
    return Promise.resolve({ result: "done" });
  });
  const pieces = await Array.fromAsync(response.clone().body!);
  assertEquals(pieces.length, 1);
  const lines = await linesOf(response);
  assert(lines.length > 1 && lines.length < 100, `${lines.length} lines`);
  assertEquals(lines.at(-1), { result: "done" });
});

Deno.test("json lines: what takes longer is told as it comes, and what came before is not missed", async () => {
  const finish = gate();
  const response = await jsonLines(async (emit) => {
    emit({ n: 1 });
    await finish.passed;
    return { result: "done" };
  }, { holdMs: 1 });
  const lines = readJsonLines(response.body!);
  assertEquals((await lines.next()).value, { n: 1 });
  finish.open();
  assertEquals((await lines.next()).value, { result: "done" });
  assertEquals((await lines.next()).done, true);
});

Deno.test("json lines: work that throws ends with its message", async () => {
  const response = await jsonLines(() => Promise.reject(new Error("a bug")));
  assertEquals(await linesOf(response), [{ error: { message: "a bug" } }]);
});

Deno.test("json lines: when nobody reads any more, the work is told, and its end is not missed", async () => {
  const finish = Promise.withResolvers<void>();
  let told: AbortSignal | undefined;
  const response = await jsonLines(async (emit, signal) => {
    told = signal;
    emit({ n: 1 });
    await finish.promise;
    emit({ n: 2 });
    return { result: 1 };
  }, { holdMs: 0 });
  await response.body!.cancel();
  assert(told?.aborted);
  finish.resolve();
  await finish.promise;
});
