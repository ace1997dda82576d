import { dirname } from "node:path";
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import fc from "fast-check";
import { fromHex, toHex } from "../../src/content/hex.ts";
import { Fault } from "../../src/fault.ts";
import {
  formatSwarmKey,
  newSwarmKey,
  OLD_CAP,
  parseSwarmKey,
  rotateSwarmKey,
  SWARM_KEY_TEXT_CAP,
  type SwarmKey,
} from "../../src/trust/swarm_key.ts";
import { readSwarmKey, writeSwarmKey } from "../../src/trust/swarm_key_file.ts";
import { deriveSwarmSecrets } from "../../src/trust/swarm_secrets.ts";
import { faultOf } from "../support/faults.ts";
import { TempFolder } from "../support/temp_folder.ts";

const DAY = 86_400_000;
const NOW = Date.parse("2026-01-31T09:05:00Z");
const SECRET = "0123456789abcdef".repeat(4);

const secrets = fc.uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => new Uint8Array(bytes));
const keys: fc.Arbitrary<SwarmKey> = fc.record({
  secret: secrets,
  old: fc.array(
    fc.record({
      secret: secrets,
      until: fc.integer({ min: 0, max: 253_402_300_799 }).map((seconds) => seconds * 1000),
    }),
    { maxLength: OLD_CAP },
  ),
});

Deno.test("a swarm key is what its text says, and fits the cap", () => {
  fc.assert(fc.property(keys, (key) => {
    const text = formatSwarmKey(key);
    assertEquals(parseSwarmKey(text), key);
    assertEquals(parseSwarmKey(text.replaceAll("\n", "\r\n")), key);
    assert(text.length <= SWARM_KEY_TEXT_CAP);
  }));
});

Deno.test("the text of a swarm key, to the byte", () => {
  const until = Date.parse("2026-02-07T00:00:00Z");
  const key = { secret: fromHex(SECRET), old: [{ secret: fromHex("ff".repeat(32)), until }] };
  assertEquals(
    formatSwarmKey(key),
    "shoal swarm key 1\n" +
      "# Keep this secret: anyone who can read it is a member of the swarm.\n" +
      `key ${SECRET}\n` +
      `old ${"ff".repeat(32)} until 2026-02-07T00:00:00Z\n`,
  );
});

Deno.test("a text that is no swarm key is refused, and none of it is repeated", () => {
  const good = `shoal swarm key 1\nkey ${SECRET}\n`;
  const old = (until: string) => `${good}old ${SECRET} until ${until}\n`;
  const table: [string, string][] = [
    ["", "not a swarm key"],
    [SECRET, "not a swarm key"],
    [" " + good, "not a swarm key"],
    ["-----BEGIN PRIVATE KEY-----\n", "not a swarm key"],
    [good.replace("key 1", "key 2"), "later version"],
    ["shoal swarm key 1\n", "no key in it"],
    [good + `key ${SECRET}\n`, "line 3"],
    [good.replace(SECRET, SECRET.slice(1)), "line 2"],
    [good.replace(SECRET, SECRET + "0"), "line 2"],
    [good.replace(SECRET, SECRET.toUpperCase()), "line 2"],
    [`${good}secret ${SECRET}`, "line 3"],
    [old("2026-02-30T00:00:00Z"), "line 3"],
    [old("2026-02-07"), "line 3"],
    [old("never"), "line 3"],
    [good + `old ${SECRET} until 2026-02-07T00:00:00Z\n`.repeat(OLD_CAP + 1), "line 11"],
  ];
  for (const [text, why] of table) {
    const { message } = assertThrows(() => parseSwarmKey(text), Fault, why);
    assert(!message.includes(SECRET.slice(0, 8)), message);
  }
});

Deno.test("whatever is done to a swarm key's text, it is a key or refused", () => {
  fc.assert(fc.property(keys, fc.nat(), fc.string(), (key, at, inserted) => {
    const text = formatSwarmKey(key);
    const cut = at % text.length;
    for (const changed of [text.slice(0, cut), text.slice(0, cut) + inserted + text.slice(cut)]) {
      try {
        parseSwarmKey(changed);
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        assertEquals(error.kind, "usage");
        assert(!error.message.includes(toHex(key.secret).slice(0, 12)));
      }
    }
  }));
});

Deno.test("a rotated key carries the old one, and what that still carried", () => {
  const first = newSwarmKey();
  const second = rotateSwarmKey(first, { until: NOW + DAY + 1, now: NOW });
  assertEquals(second.old, [{ secret: first.secret, until: NOW + DAY + 1_000 }]);
  const third = rotateSwarmKey(second, { until: NOW + 3 * DAY, now: NOW + 1 });
  assertEquals(third.old.map(({ secret }) => secret), [second.secret, first.secret]);
  const later = rotateSwarmKey(second, { until: NOW + 9 * DAY, now: NOW + 2 * DAY });
  assertEquals(later.old.map(({ secret }) => secret), [second.secret]);
  assertEquals(new Set([first, second, third].map(({ secret }) => toHex(secret))).size, 3);
});

Deno.test("a key can't be rotated for ever, nor too often", () => {
  const far = { until: Date.parse("9999-12-31T23:59:59Z") + 1, now: NOW };
  assertThrows(() => rotateSwarmKey(newSwarmKey(), far), Fault, "9999");
  assertThrows(() => rotateSwarmKey(newSwarmKey(), { until: Infinity, now: NOW }), Fault, "9999");
  let key = newSwarmKey();
  for (let i = 0; i < OLD_CAP; i++) key = rotateSwarmKey(key, { until: NOW + DAY, now: NOW });
  assertThrows(() => rotateSwarmKey(key, { until: NOW + DAY, now: NOW }), Fault, "earlier keys");
});

// Computed with Python's hmac by RFC 5869.
Deno.test("what is derived from a key", async () => {
  const derived = await deriveSwarmSecrets(fromHex(SECRET));
  assertEquals(
    toHex(derived.authoritySecret),
    "66baeb731ab6715f4c6ea814677d730da2d6cccf9b2948a19772e39a73a27d0f",
  );
  assertEquals(
    toHex(derived.tokenKey),
    "11eb6cfc7dc73db87d766f458af11365572f0dab6d7799ac059e5f64a5dadaf9",
  );
  assertEquals(derived.fingerprint, "79b947ca31bde6e0");
});

Deno.test("a key file is for its owner only, and never replaced", async () => {
  await using folder = await TempFolder.create();
  const path = folder.at("swarm.key");
  const key = newSwarmKey();
  writeSwarmKey(path, key);
  if (Deno.build.os !== "windows") assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
  assertEquals(readSwarmKey(path), key);
  await faultOf("destination", () => writeSwarmKey(path, newSwarmKey()), "never replaced");
  assertEquals(readSwarmKey(path), key);
  await faultOf("disk", () => writeSwarmKey(folder.at("no/swarm.key"), key), "no such file");
  await Deno.symlink(folder.at("elsewhere"), folder.at("link"));
  await faultOf("destination", () => writeSwarmKey(folder.at("link"), key), "never replaced");
  assertEquals(folder.list(), ["link", "swarm.key"]);
});

Deno.test("a key file that can't be used is said to be, in one line", async () => {
  await using folder = await TempFolder.create();
  const text = formatSwarmKey(newSwarmKey());
  const secret = text.match(/[0-9a-f]{64}/)![0];
  const file = async (name: string, content: string, mode = 0o600) => {
    const path = await folder.write(name, content);
    await Deno.chmod(path, mode);
    return path;
  };
  const table: [string, string][] = [
    [folder.at("missing"), "no such file"],
    [await folder.mkdir("folder"), "it is a folder"],
    [await file("empty", ""), "not a swarm key"],
    [await file("large", text + "#".repeat(SWARM_KEY_TEXT_CAP)), "too large"],
    [await file("binary", "\0\xff\xfe"), "not a swarm key"],
    [await file("damaged", text.replace("\nkey ", "\nkee ")), "damaged in line 3"],
    [await file("world", text, 0o644), "mode 0644"],
    [await file("group", text, 0o640), "mode 0640"],
    [await file("writable", text, 0o602), "mode 0602"],
  ];
  if (Deno.build.os === "linux") table.push(["/dev/null", "not a regular file"]);
  for (const [path, why] of table) {
    const { message } = await faultOf("usage", () => readSwarmKey(path), why);
    assertMatch(message, /^Cannot use swarm key "\//);
    assert(message.includes(path) && !message.includes(secret.slice(0, 12)), message);
  }
  await Deno.chmod(folder.at("world"), 0o400);
  assertEquals(formatSwarmKey(readSwarmKey(folder.at("world"))), text);
  // What the service manager puts there for this process shows its access list as a group's mode.
  Deno.env.set("CREDENTIALS_DIRECTORY", dirname(folder.at("group")));
  try {
    assertEquals(formatSwarmKey(readSwarmKey(folder.at("group"))), text);
    await faultOf("usage", () => readSwarmKey(folder.at("writable")), "mode 0602");
  } finally {
    Deno.env.delete("CREDENTIALS_DIRECTORY");
  }
});
