/** Bytes that break the rules, sent to a peer and a bootstrap that serve: they go on serving others. */
import { assert, assertEquals } from "@std/assert";
import type { SharedFile } from "../../src/peer/api/peer_api.ts";
import { parseAddress } from "../../src/peer/api/settings.ts";
import { assertSameBytes, patterned } from "../support/bytes.ts";
import { referenceIdOf } from "../support/reference_tree.ts";
import { RawEnd } from "../support/sockets.ts";
import { contentsOf } from "./checks.ts";
import { World } from "./world.ts";

const CONTENT = patterned(200_000);
const SECRET = patterned(1_000, 2);
const HELLO = { action: "hello", id: 1, protocol: 1, agent: "hostile/1" };
const FAR = Number.MAX_SAFE_INTEGER;

type Sent = string | object | Uint8Array;
interface Attack {
  send: Sent[];
  /** The code of the error that comes back; undefined is an answer like any other. */
  code?: string;
  /** True if the connection ends with it. */
  closed?: boolean;
  /** Sent in place of a right `hello`. */
  first?: boolean;
}

const refused = (...send: Sent[]): Attack => ({ send, code: "bad_message", closed: true });

/** Requests that no callee takes, whatever it serves. `right` is one that it would answer. */
function anywhere(right: Record<string, unknown>): Record<string, Attack> {
  const text = JSON.stringify(right);
  const line = (fields: object) => ({ ...right, ...fields });
  return {
    "an endless line": refused("{" + " ".repeat(70_000)),
    "a line of zeros": refused(new Uint8Array(70_000)),
    "no UTF-8": refused(Uint8Array.of(0x7b, 0xff, 0xfe, 0x0a)),
    "no JSON": refused("GET / HTTP/1.1\r\n\r\n"),
    "no object": refused("[1]\n"),
    "half an object": refused('{"action":\n'),
    "nothing but brackets": refused("[".repeat(30_000) + "\n"),
    "a deeply nested field": {
      send: [`${text.slice(0, -1)},"x":${"[".repeat(10_000)}${"]".repeat(10_000)}}\n`],
    },
    "a negative id": refused(line({ id: -1 })),
    "a fractional id": refused(line({ id: 1.5 })),
    "an id beyond all numbers": refused(text.replace('"id":2', '"id":9007199254740993') + "\n"),
    "an id of text": refused(line({ id: "2" })),
    "a negative payload": refused(line({ payload: -1 })),
    "a fractional payload": refused(line({ payload: 0.5 })),
    "a payload over the cap": refused(line({ payload: 1_048_577 })),
    "a payload of 1e308": refused(text.slice(0, -1) + ',"payload":1e308}\n'),
    "a payload where none belongs": refused(line({ payload: 4 }), "abcd"),
    "no id": refused({ ...right, id: undefined }),
    "an action of 65 characters": refused(line({ action: "x".repeat(65) })),
    "an unknown action": { send: [line({ action: "__proto__" })], code: "unknown_action" },
    "two ids": { send: [text.slice(0, -1) + ',"id":3}\n'] },
    "two actions": {
      send: [`{"action":"hello",${text.slice(1, -1)},"action":"x"}\n`],
      code: "unknown_action",
    },
    "no hello": { ...refused(line({ id: 1 })), first: true },
    "another version": {
      ...{ send: [{ ...HELLO, protocol: 2 }], first: true },
      ...{ code: "bad_version", closed: true },
    },
    "a negative version": {
      send: [{ ...HELLO, protocol: -1 }],
      first: true,
      code: "bad_version",
      closed: true,
    },
  };
}

/** Makes one attack, and says what came of it. */
async function attack(address: string, { send, code, closed, first }: Attack): Promise<void> {
  using end = await RawEnd.connect(parseAddress(address, 1));
  if (!first) {
    await end.send(HELLO);
    assertEquals((await end.line()).action, "hello");
  }
  await end.send(...send);
  const answer = await end.line();
  if (code === undefined) assert(answer.action !== "error", JSON.stringify(answer));
  else assertEquals([answer.action, answer.code], ["error", code], JSON.stringify(answer));
  if (closed) await end.closed();
}

Deno.test("messages that break the rules cost a peer nothing but that connection", async (t) => {
  await using world = await World.create();
  const victim = await world.peer("victim");
  await Deno.writeFile(`${victim.dir}/data`, CONTENT);
  await Deno.writeFile(`${victim.dir}/secret`, SECRET);
  const [{ id: file }] = await world.json<SharedFile[]>(victim.dir, ["share", "data"]);
  const before = contentsOf(victim.dir);
  const chunks = (fields: object) => ({
    action: "get_chunks",
    id: 2,
    file,
    first: 0,
    count: 1,
    ...fields,
  });
  const digests = (fields: object) => ({
    action: "get_digests",
    id: 2,
    file,
    level: 0,
    page: 0,
    ...fields,
  });
  const answered = (code: string, ...send: Sent[]): Attack => ({ send, code });
  const unshared = referenceIdOf(SECRET);
  const attacks: Record<string, Attack> = {
    ...anywhere({ action: "have", id: 2, file }),
    "a run right behind the file": answered("out_of_range", chunks({ first: 4 })),
    "a run that leaves the file": answered("out_of_range", chunks({ first: 3, count: 2 })),
    "a run at the end of all numbers": answered("out_of_range", chunks({ first: FAR, count: 16 })),
    "a run of no chunks": refused(chunks({ count: 0 })),
    "a run of 17 chunks": refused(chunks({ count: 17 })),
    "a negative run": refused(chunks({ first: -1 })),
    "a fractional run": refused(chunks({ first: 0.5 })),
    "a run said twice": refused(JSON.stringify(chunks({})).slice(0, -1) + ',"count":1e9}\n'),
    "a page of another level": answered("out_of_range", digests({ level: 1 })),
    "a page behind the last": answered("out_of_range", digests({ page: 1 })),
    "a page at the end of all numbers": answered("out_of_range", digests({ page: FAR })),
    "a level that no file has": refused(digests({ level: 4 })),
    "a file that lies in DIR, unshared": answered("not_shared", chunks({ file: unshared })),
    "its digests": answered("not_shared", digests({ file: unshared })),
    "its map": answered("not_shared", { action: "have", id: 2, file: unshared }),
    "its sources": answered("not_shared", { action: "sources", id: 2, file: unshared }),
    "a path for an id": refused(chunks({ file: "../secret" })),
    "an id in capitals": refused(chunks({ file: file.toUpperCase() })),
    "a cancelled request of nobody": refused({ action: "cancel", request: -1 }),
  };
  for (const [name, one] of Object.entries(attacks)) {
    await t.step(name, async () => {
      await attack(victim.address, one);
      using honest = await RawEnd.connect(parseAddress(victim.address, 1));
      await honest.send(HELLO, chunks({ count: 4 }));
      await honest.line();
      assertEquals((await honest.line()).payload, CONTENT.length);
      assertSameBytes(await honest.bytes(CONTENT.length), CONTENT);
    });
  }
  await t.step("a message that breaks off", async () => {
    using end = await RawEnd.connect(parseAddress(victim.address, 1));
    await end.send(HELLO, '{"action":"get_chu');
    await end.line();
    end.conn.closeWrite();
    assertEquals((await end.line()).code, "bad_message");
  });
  await t.step("the legacy dialect reaches no further", async () => {
    for (const name of ["secret", "../secret", ".shoal/identity.pem", "/etc/passwd", "data/"]) {
      using end = await RawEnd.connect(parseAddress(victim.address, 1));
      await end.send({ action: "file_request", filename: name });
      assertEquals(await end.line(), { action: "error", message: "File not found" });
    }
    for (const chunk_index of [-1, 0.5, 4, FAR, "0"]) {
      using end = await RawEnd.connect(parseAddress(victim.address, 1));
      await end.send({ action: "get_chunk", filename: "data", chunk_index });
      assertEquals((await end.line()).action, "error");
    }
  });
  const dir = await world.folder("honest");
  await world.json(dir, ["get", "data"]);
  assertSameBytes(await Deno.readFile(`${dir}/data`), CONTENT);
  assertEquals(contentsOf(victim.dir), before);
  assert(!/error/i.test(victim.program.stderr), victim.program.stderr);
});

Deno.test("messages that break the rules cost a bootstrap nothing but that connection", async (t) => {
  await using world = await World.create();
  const peer = await world.peer("peer");
  await Deno.writeFile(`${peer.dir}/data`, CONTENT);
  await world.json(peer.dir, ["share", "data"]);
  const announce = (payload: string) => [
    { action: "announce", id: 2, payload: new TextEncoder().encode(payload).length },
    payload,
  ];
  const attacks: Record<string, Attack> = {
    ...anywhere({ action: "get_peers", id: 2 }),
    "a name that is too long": refused({ action: "find", id: 2, name: "x".repeat(1_025) }),
    "a name of a few characters and many bytes": refused({
      action: "find",
      id: 2,
      name: "日".repeat(342),
    }),
    "a pattern that is too long": refused({
      action: "list_files",
      id: 2,
      pattern: "*".repeat(1_025),
    }),
    "a pattern that takes long": {
      send: [{ action: "list_files", id: 2, pattern: "*a".repeat(512) }],
    },
    "a cursor of nobody": refused({ action: "get_peers", id: 2, cursor: "\u0000zzz" }),
    "an announcement of nobody": { send: announce("[]"), code: "not_registered" },
    "a payload that is nested": { send: announce("[".repeat(50_000)), code: "not_registered" },
  };
  for (const [name, one] of Object.entries(attacks)) {
    await t.step(name, () => attack(world.bootstrap, one));
  }
  const dir = await world.folder("honest");
  await world.json(dir, ["get", "data"]);
  assertSameBytes(await Deno.readFile(`${dir}/data`), CONTENT);
  assert(!/error/i.test(world.bootstrapProgram.stderr), world.bootstrapProgram.stderr);
});
