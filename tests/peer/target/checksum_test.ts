/** A whole file's SHA-256: of what lies on disk, and of what passes by. */
import { assertEquals, assertRejects } from "@std/assert";
import { Fault } from "../../../src/fault.ts";
import { checkedOutput } from "../../../src/peer/target/checked_output.ts";
import { hashWhole } from "../../../src/store/hash/hash_whole.ts";
import { concat, patterned, sha256 } from "../../support/bytes.ts";
import { faultOf } from "../../support/faults.ts";
import { openIn } from "../../support/open_in.ts";
import { TempFolder } from "../../support/temp_folder.ts";

const MIB = 1 << 20;

Deno.test("checksum: of a file, whatever its size", async () => {
  await using folder = await TempFolder.create();
  for (const size of [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 7]) {
    const bytes = patterned(size);
    await Deno.writeFile(folder.at("file"), bytes);
    assertEquals(await hashWhole(folder.at("file")), sha256(bytes).toHex(), `${size} bytes`);
  }
  assertEquals(openIn(folder.path), 0);
});

Deno.test("checksum: a file that can't be read is a fault; an abort ends it", async () => {
  await using folder = await TempFolder.create();
  await faultOf("usage", hashWhole(folder.at("missing")), "no such file");
  await folder.mkdir("folder");
  await assertRejects(() => hashWhole(folder.at("folder")), Fault);
  await folder.write("file", "x");
  const reason = new Error("enough");
  await assertRejects(
    () => hashWhole(folder.at("file"), AbortSignal.abort(reason)),
    Error,
    "enough",
  );
  assertEquals(openIn(folder.path), 0);
});

/** A stream that keeps what it is given, and how it ended. */
function collector() {
  const parts: Uint8Array[] = [];
  const end: { how?: "closed" | "aborted" } = {};
  const stream = new WritableStream<Uint8Array>({
    write: (bytes) => void parts.push(bytes),
    close: () => void (end.how = "closed"),
    abort: () => void (end.how = "aborted"),
  });
  return { stream, end, bytes: () => concat(parts.map((part) => new Uint8Array(part))) };
}

async function pass(parts: Uint8Array[], output: WritableStream<Uint8Array>): Promise<void> {
  const writer = output.getWriter();
  writer.closed.catch(() => {});
  for (const part of parts) await writer.write(part);
  await writer.close();
}

Deno.test("checksum: what passes by is passed on as it is, and closed when it is right", async () => {
  const parts = [patterned(3), patterned(0), patterned(70_000)];
  const { stream, end, bytes } = collector();
  const right = sha256(concat(parts)).toHex();
  await pass(parts, checkedOutput(stream, { name: "file", sha256: right }));
  assertEquals([bytes().length, end.how], [70_003, "closed"]);
  const empty = collector();
  const none = sha256(new Uint8Array()).toHex();
  await pass([], checkedOutput(empty.stream, { name: "file", sha256: none }));
  assertEquals(empty.end.how, "closed");
});

Deno.test("checksum: what was wrong is told when it has passed, and not closed as if it were right", async () => {
  const { stream, end, bytes } = collector();
  const output = checkedOutput(stream, { name: "file", sha256: "00".repeat(32) });
  const passed = pass([patterned(10)], output);
  const fault = await faultOf("integrity", passed, 'Cannot get "file": its SHA-256 is ');
  assertEquals(fault.message.endsWith("what was written already is not to be used"), true);
  assertEquals([bytes().length, end.how], [10, "aborted"]);
});

Deno.test("checksum: an output that breaks is told as it is", async () => {
  const broken = new WritableStream<Uint8Array>({
    write: () => Promise.reject(new Fault("disk", "it is full")),
  });
  const output = checkedOutput(broken, { name: "file", sha256: "00".repeat(32) });
  await faultOf("disk", pass([patterned(10)], output), "it is full");
});
