import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "node:path";
import { Fault } from "../../src/fault.ts";
import { signAnnouncement, verifyAnnouncement } from "../../src/trust/announcement.ts";
import { Identity, verify } from "../../src/trust/identity.ts";
import { signRegistration, verifyRegistration } from "../../src/trust/registration.ts";
import { TempFolder } from "../support/temp_folder.ts";

const FILE = { name: "notes/ä.txt", id: "ab".repeat(32), size: 2 ** 40 + 1, mtime: 5, time: 7 };
const NONCE = "0f".repeat(32);

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  await using folder = await TempFolder.create();
  await test(folder.path);
}

Deno.test("an identity is made once, for its owner's eyes, and found again", () =>
  inFolder(async (folder) => {
    const path = join(folder, "identity");
    const made = await Identity.load(path);
    const found = await Identity.load(path);
    assertEquals(found.id, made.id);
    assert(/^[0-9a-f]{64}$/.test(made.id));
    if (Deno.build.os !== "windows") assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["identity"]);
    const bytes = new Uint8Array([1, 2, 3]);
    assert(await verify(made.id, await found.sign(bytes), bytes));
  }));

Deno.test("a damaged identity is a fault, and is left as it is", () =>
  inFolder(async (folder) => {
    const path = join(folder, "identity");
    await Identity.load(path);
    const whole = await Deno.readTextFile(path);
    for (const damaged of ["", "junk", whole.slice(0, 60), whole.replace(/MC4C/, "MC4D")]) {
      await Deno.writeTextFile(path, damaged);
      const fault = await assertRejects(() => Identity.load(path), Fault, "damaged");
      assertEquals(fault.kind, "disk");
      assertEquals(await Deno.readTextFile(path), damaged);
    }
  }));

Deno.test("an identity that can't be written is a fault that leaves nothing behind", () =>
  inFolder(async (folder) => {
    const missing = await assertRejects(() => Identity.load(join(folder, "no", "identity")), Fault);
    assertEquals(missing.kind, "disk");
    assertEquals([...Deno.readDirSync(folder)], []);
  }));

Deno.test("a signature counts for its key and its bytes alone", async () => {
  const [one, other] = [await Identity.generate(), await Identity.generate()];
  const bytes = new Uint8Array([1, 2, 3]);
  const signature = await one.sign(bytes);
  assertEquals(signature.length, 64);
  assert(await verify(one.id, signature, bytes));
  assert(!await verify(other.id, signature, bytes));
  assert(!await verify(one.id, signature, new Uint8Array([1, 2, 4])));
  assert(!await verify(one.id, signature.subarray(1), bytes));
  assert(!await verify("not hex", signature, bytes));
});

Deno.test("an announcement is signed whole", async () => {
  const identity = await Identity.generate();
  const announcement = await signAnnouncement(identity, FILE);
  assertEquals(announcement.publisher, identity.id);
  assert(await verifyAnnouncement(announcement));
  const changes = [
    { name: "notes/b.txt" },
    { id: "cd".repeat(32) },
    { size: FILE.size + 1 },
    { mtime: 6 },
    { time: 8 },
    { publisher: (await Identity.generate()).id },
    { signature: "00".repeat(64) },
  ];
  for (const change of changes) {
    assert(!await verifyAnnouncement({ ...announcement, ...change }), JSON.stringify(change));
  }
});

Deno.test("the signed bytes of an announcement are those that the protocol lays out", async () => {
  const identity = await Identity.generate();
  const { signature } = await signAnnouncement(identity, FILE);
  const hex = new TextEncoder().encode("shoal/1 announcement\0").toHex() +
    FILE.id + "0000010000000001" + "0000000000000005" + "0000000000000007" +
    identity.id + new TextEncoder().encode(FILE.name).toHex();
  assert(await verify(identity.id, Uint8Array.fromHex(signature), Uint8Array.fromHex(hex)));
});

Deno.test("a name that UTF-8 can't tell from others is not accepted", async () => {
  const identity = await Identity.generate();
  const announcement = await signAnnouncement(identity, { ...FILE, name: "\ud800" });
  assert(!await verifyAnnouncement(announcement));
});

Deno.test("a registration counts for its nonces, port, bootstrap and advertised address", async () => {
  const identity = await Identity.generate();
  const [advertise, dialled] = [{ host: "2001:db8::1", port: 9 }, { host: "192.0.2.1", port: 8 }];
  const registration = await signRegistration(identity, NONCE, { port: 7, dialled, advertise });
  assert(await verifyRegistration(NONCE, registration));
  assert(!await verifyRegistration("00".repeat(32), registration));
  const changes = [
    { nonce: "00".repeat(32) },
    { port: 10_001 },
    { dialled: { ...dialled, port: 80 } },
    { dialled: advertise, advertise: dialled },
    { advertise: undefined },
  ];
  for (const change of changes) {
    assert(
      !await verifyRegistration(NONCE, { ...registration, ...change }),
      Object.keys(change)[0],
    );
  }
});
