/** Trust in publishers, as users and scripts see it. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { ListedFile, Receipt, TrustEntry } from "../../src/peer/api/peer_api.ts";
import { patterned } from "../support/bytes.ts";
import { assertRefused, contentsOf, eventually, placedIn } from "./checks.ts";
import { publisher } from "./publishers.ts";
import { askLegacy, LegacyServer } from "./legacy_peer.ts";
import { shoal } from "./program.ts";
import { World } from "./world.ts";

Deno.test("trust: the first publisher is remembered, their newer version is taken", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  const one = await alice.publish("data", "one");
  const dir = await world.folder("getter");
  assertEquals(await world.json(dir, ["trust", "list"]), []);
  const first = await world.json<Receipt>(dir, ["get", "data"]);
  assertEquals([first.publisher, first.trust, first.id], [alice.key, "first", one]);
  const [entry] = await world.json<TrustEntry[]>(dir, ["trust", "list"]);
  assertEquals([entry.name, entry.publisher, entry.how, entry.id], [
    "data",
    alice.key,
    "first",
    one,
  ]);
  const again = await world.json<Receipt>(dir, ["get", "data"]);
  assertEquals([again.up_to_date, again.trust], [true, "known"]);

  const two = await alice.publish("data", "two, longer");
  const newer = await world.json<Receipt>(dir, ["get", "data", "--overwrite"]);
  assertEquals([newer.id, newer.trust], [two, "known"]);
  assertEquals(await Deno.readTextFile(`${dir}/data`), "two, longer");
  const [moved] = await world.json<TrustEntry[]>(dir, ["trust", "list"]);
  assertEquals([moved.id, moved.since, moved.time > entry.time], [two, entry.since, true]);
});

Deno.test("trust: another publisher is refused until accepted; forgotten, it begins anew", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  await alice.publish("data", "by alice");
  const dir = await world.folder("getter");
  await world.json(dir, ["get", "data"]);
  await alice.program.stop();
  const bob = await publisher(world, "bob");
  const id = await bob.publish("data", "by bob");

  const words = ["get", "data", "--overwrite"];
  const refused = await world.run(dir, words);
  assertRefused(refused, {
    code: 5,
    text: `Cannot get "data": ${bob.key.slice(0, 12)} offers it now, but ` +
      `${alice.key.slice(0, 12)} was remembered for it`,
  });
  const asJson = await world.run(dir, [...words, "--json"]);
  assertEquals([asJson.code, JSON.parse(asJson.stdout).error.code], [5, "integrity"]);
  assertEquals((await world.run(dir, [...words, "-o", "-"])).stdout, "", "nothing leaves");
  assertEquals(await Deno.readTextFile(`${dir}/data`), "by alice", "what is there stays");
  assertEquals(contentsOf(dir), ["data"]);

  // The hint is pasted as it stands, elsewhere, and leads to the same DIR and swarm.
  const [, command = ""] = /^next: if that is right: (.*)$/m.exec(refused.stderr) ?? [];
  assertEquals(
    command,
    `shoal peer --dir ${dir} --bootstrap ${world.bootstrap} trust accept --publisher ${bob.key} data`,
  );
  const accepted = await shoal(command.split(" ").slice(1));
  assertEquals([accepted.code, accepted.stdout], [0, `data  publisher ${bob.key}  accepted\n`]);
  const receipt = await world.json<Receipt>(dir, words);
  assertEquals([receipt.publisher, receipt.trust, receipt.id], [bob.key, "known", id]);
  assertEquals(await Deno.readTextFile(`${dir}/data`), "by bob");
  const { stdout } = await world.run(dir, ["trust", "list"]);
  assertMatch(
    stdout,
    /^PUBLISHER +HOW +SINCE +NEWEST +ID +NAME\n[0-9a-f]{12} +accepted .* data\n$/,
  );

  const forgotten = await world.json<TrustEntry>(dir, ["trust", "forget", "data"]);
  assertEquals(forgotten.publisher, bob.key);
  assertRefused(await world.run(dir, ["trust", "forget", "data"]), {
    code: 3,
    text: 'Cannot forget "data": no publisher is remembered for it',
  });
  assertEquals((await world.run(dir, ["trust", "list"])).stderr, "Nobody is remembered.\n");
  assertEquals((await world.json<Receipt>(dir, words)).trust, "first");
});

Deno.test("trust: accept takes the only one who offers a name, or the one that is named", async () => {
  await using world = await World.create();
  const [alice, bob] = await Promise.all([publisher(world, "alice"), publisher(world, "bob")]);
  await alice.publish("data", "by alice");
  const dir = await world.folder("getter");
  assertRefused(await world.run(dir, ["trust", "accept", "nothing"]), {
    code: 3,
    text: 'Cannot accept "nothing": nobody offers it',
  });
  const only = await world.json<TrustEntry>(dir, ["trust", "accept", "data"]);
  assertEquals([only.publisher, only.how, only.time], [alice.key, "accepted", 0]);
  await bob.publish("data", "by bob");
  const several = await world.run(dir, ["trust", "accept", "data"]);
  assertEquals(several.code, 8);
  assertMatch(
    several.stderr,
    /^shoal: Cannot accept "data": 2 publishers offer it; .*--publisher\n/,
  );
  assertStringIncludes(several.stderr, bob.key.slice(0, 12));
  const short = ["trust", "accept", "data", "--publisher", bob.key.slice(0, 10).toUpperCase()];
  assertEquals((await world.json<TrustEntry>(dir, short)).publisher, bob.key);
  assertRefused(await world.run(dir, ["trust", "accept", "data", "--publisher", "0000000000"]), {
    code: 3,
  });
  assertRefused(await world.run(dir, ["trust", "accept", "data", "--publisher", "xyz"]), {
    code: 2,
    hint: true,
  });
  assertRefused(await world.run(dir, ["trust"]), {
    code: 2,
    text: "a command is missing",
    hint: true,
  });
  assertEquals((await world.json<Receipt>(dir, ["get", "data"])).publisher, bob.key);
});

Deno.test("trust: a running peer is asked for all of it", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  await alice.publish("data", "by alice");
  const { dir } = await world.peer("getter");
  await world.json(dir, ["get", "data"]);
  const [entry] = await world.json<TrustEntry[]>(dir, ["trust", "list"]);
  assertEquals([entry.publisher, entry.how], [alice.key, "first"]);
  const files = await world.json<ListedFile[]>(dir, ["list-files"]);
  assertEquals(files.map(({ trust }) => trust), ["trusted"]);
  assertEquals(await world.json(dir, ["trust", "forget", "data"]), entry);
  const accepted = await world.json<TrustEntry>(dir, ["trust", "accept", "data"]);
  assertEquals([accepted.publisher, accepted.how], [alice.key, "accepted"]);
});

Deno.test("trust: one name by several publishers is ambiguous in a script, and --publisher says whose", async () => {
  await using world = await World.create();
  const [alice, bob] = await Promise.all([publisher(world, "alice"), publisher(world, "bob")]);
  const [one, two] = await Promise.all([
    alice.publish("data", "by alice"),
    bob.publish("data", "by bob, longer"),
  ]);
  const dir = await world.folder("getter");
  const refused = await world.run(dir, ["get", "data"], { stdin: "1\n" });
  assertEquals([refused.code, refused.stdout], [8, ""]);
  assertMatch(refused.stderr, /different files\nID +PUBLISHER +SIZE +AGE +SOURCES/);
  for (const part of [alice.key, bob.key, one, two]) {
    assertStringIncludes(refused.stderr, part.slice(0, 12));
  }
  assertEquals(contentsOf(dir), []);
  const theirs = await world.json<Receipt>(dir, [
    "get",
    "data",
    "--publisher",
    bob.key.slice(0, 8),
  ]);
  assertEquals([theirs.id, theirs.trust], [two, "first"]);
  await Deno.remove(`${dir}/data`);
  const again = await world.json<Receipt>(dir, ["get", "data"]);
  assertEquals([again.id, again.trust], [two, "known"], "remembered, so without question");

  // Against what is remembered, the beginning of a key is not enough: such keys can be made.
  const to = `${dir}/other`;
  const short = ["get", "data", "-o", to, "--publisher", alice.key.slice(0, 20)];
  assertRefused(await world.run(dir, short), { code: 5, text: "was remembered for it" });
  const whole = ["get", "data", "-o", to, "--publisher", alice.key];
  const named = await world.json<Receipt>(dir, whole);
  assertEquals([named.id, named.trust], [one, "named"]);
  assertEquals(await Deno.readTextFile(to), "by alice");
  const [entry] = await world.json<TrustEntry[]>(dir, ["trust", "list"]);
  assertEquals(entry.publisher, bob.key, "who is remembered stays");
  const nobody = ["get", "data", "--publisher", "00".repeat(32)];
  assertRefused(await world.run(dir, nobody), { code: 3, text: '"data" by 000000000000: no peer' });
});

Deno.test("trust: NAME@ID pins a content, and names with an @ can still be had", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  const one = await alice.publish("data", "one");
  await alice.publish("you@home", "an address");
  const odd = await alice.publish("odd@deadbeef", "an odd name");
  const dir = await world.folder("getter");
  const pinned = await world.json<Receipt>(dir, ["get", `data@${one.toUpperCase()}`]);
  assertEquals([pinned.name, pinned.id, pinned.trust], ["data", one, "pinned"]);
  assertEquals(await world.json(dir, ["trust", "list"]), [], "a pin says nothing of publishers");
  assertRefused(await world.run(dir, ["get", "data@00000000"]), {
    code: 3,
    text: 'Cannot get "data" with id 00000000: no peer in the swarm has it',
  });
  assertEquals((await world.json<Receipt>(dir, ["get", "you@home"])).name, "you@home");
  assertRefused(await world.run(dir, ["get", "odd@deadbeef"]), {
    code: 3,
    text: 'get "odd" with id',
  });
  for (const words of [["odd@deadbeef", "--id", odd.slice(0, 9)], [`odd@deadbeef@${odd}`]]) {
    const receipt = await world.json<Receipt>(dir, ["get", ...words]);
    assertEquals([receipt.name, receipt.path], ["odd@deadbeef", `${dir}/odd@deadbeef`]);
  }
  assertEquals(placedIn(dir), ["data", "odd@deadbeef", "you@home"]);
});

Deno.test("trust: what this peer publishes itself counts as its own", async () => {
  await using world = await World.create();
  const [alice, bob] = await Promise.all([publisher(world, "alice"), publisher(world, "bob")]);
  await alice.publish("data", "by alice");
  await bob.publish("data", "by bob");
  const mine = await world.json<Receipt>(alice.dir, ["get", "data"]);
  assertEquals([mine.trust, mine.up_to_date], ["own", true]);
  assertEquals(await world.json(alice.dir, ["trust", "list"]), []);
  const standing = async (dir: string) => {
    const files = await world.json<ListedFile[]>(dir, ["list-files", "data"]);
    return files.map(({ publisher, trust }) => [publisher === alice.key, trust]).sort();
  };
  assertEquals(await standing(alice.dir), [[false, "other"], [true, "own"]]);

  // Its own peer is gone, so only the other's is offered: that is not taken for its own.
  await alice.program.stop();
  const refused = await world.run(alice.dir, ["get", "data", "--overwrite"]);
  assertRefused(refused, { code: 5, text: `${alice.key.slice(0, 12)} was remembered for it` });
  assertEquals(await Deno.readTextFile(`${alice.dir}/data`), "by alice");
});

Deno.test("trust: list-files shows it with no peer running, and needs no folder", async () => {
  await using world = await World.create();
  const [alice, bob] = await Promise.all([publisher(world, "alice"), publisher(world, "bob")]);
  await alice.publish("data", "by alice");
  const dir = await world.folder("getter");
  const listed = async (of: string) => {
    const files = await world.json<ListedFile[]>(of, ["list-files"]);
    return files.map(({ publisher, trust }) => [publisher === bob.key, trust]).sort();
  };
  assertEquals(await listed(`${world.root}/nowhere`), [[false, "unknown"]]);
  assertEquals(await listed(dir), [[false, "unknown"]]);
  await world.json(dir, ["get", "data"]);
  await bob.publish("data", "by bob");
  assertEquals(await listed(dir), [[false, "trusted"], [true, "other"]]);
  // Looking is in nobody's way, and nobody's in the way of looking.
  const looks = [["list-files"], ["get", "data"], ["list-files"], ["list-files"]];
  const ended = await Promise.all(looks.map((words) => world.run(dir, words)));
  assertEquals(ended.map(({ code }) => code), [0, 0, 0, 0], ended[1].stderr);
  const { stdout } = await world.run(dir, ["list-files"]);
  assertMatch(stdout, /^ID +SIZE +ENTRIES +SOURCES +MODIFIED +PUBLISHER +TRUST +NAME\n/);
  await bob.program.stop();
  assertEquals(
    await listed(bob.dir),
    [[false, "unknown"]],
    "its own share is not taken for another's",
  );
});

Deno.test("trust: nothing is remembered of a file that was not put in place", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  await alice.publish("data", "by alice");
  const dir = await world.folder("getter");
  await Deno.writeTextFile(`${dir}/data`, "mine");
  assertRefused(await world.run(dir, ["get", "data"]), { code: 6 });
  const wrong = ["get", "data", "--overwrite", "--checksum", `sha256=${"00".repeat(32)}`];
  assertRefused(await world.run(dir, wrong), { code: 5 });
  await Deno.writeTextFile(`${alice.dir}/data`, "changed");
  assertEquals((await world.run(dir, ["get", "data", "--overwrite"])).code, 4);
  assertEquals(await world.json(dir, ["trust", "list"]), []);
  assertEquals(await Deno.readTextFile(`${dir}/data`), "mine");
});

Deno.test("trust: two who publish the same content agree, and neither is remembered", async () => {
  await using world = await World.create();
  const [alice, bob] = await Promise.all([publisher(world, "alice"), publisher(world, "bob")]);
  await alice.publish("data", "the same");
  await bob.publish("data", "the same");
  const dir = await world.folder("getter");
  assertEquals((await world.json<Receipt>(dir, ["get", "data"])).trust, "several");
  assertEquals(await world.json(dir, ["trust", "list"]), []);
  await bob.publish("data", "not the same");
  assertEquals((await world.run(dir, ["get", "data", "--overwrite"])).code, 8);
  assertEquals(await Deno.readTextFile(`${dir}/data`), "the same");
});

Deno.test("trust: nobody signs for a legacy peer: it is said, and refused where somebody is remembered", async () => {
  await using world = await World.create();
  await using legacy = LegacyServer.peer({ data: patterned(1_000), other: patterned(2_000) });
  await askLegacy(world.bootstrap, { action: "register", address: "127.0.0.1", port: legacy.port });
  const dir = await world.folder("getter");
  const unsigned = "--unsigned";
  const taken = await world.run(dir, ["get", "other", unsigned]);
  assertEquals([taken.code, taken.stderr], [
    0,
    "Nobody signed for other: it came from a legacy peer.\n",
  ]);
  const alice = await publisher(world, "alice");
  await alice.publish("data", "by alice");
  await world.json(dir, ["get", "data"]);
  await alice.program.stop();
  const overwrite = ["get", "data", "--overwrite"];
  assertRefused(await world.run(dir, overwrite), { code: 3, text: "a legacy peer claims" });
  const refused = await world.run(dir, [...overwrite, unsigned]);
  assertRefused(refused, { code: 5, text: "only legacy peers offer it, which sign nothing" });
  assertEquals(await Deno.readTextFile(`${dir}/data`), "by alice");
  assertRefused(await world.run(dir, ["get", "other", unsigned, "--publisher", alice.key]), {
    code: 3,
  });
  const [, id] = refused.stderr.match(/--id ([0-9a-f]{64})$/m)!;
  const pinned = await world.json<Receipt>(dir, ["get", "data", "--overwrite", "--id", id]);
  assertEquals([pinned.trust, pinned.publisher], ["pinned", undefined]);
});

Deno.test("trust: a download that a running peer goes on with ends as it began", async () => {
  await using world = await World.create();
  const alice = await publisher(world, "alice");
  await alice.publish("data", "by alice");
  const getter = await world.peer("getter");
  // It is found, but can't be fetched: the file was moved away.
  await Deno.rename(`${alice.dir}/data`, `${alice.dir}/away`);
  assertEquals((await world.run(getter.dir, ["get", "data"])).code, 4);
  assertEquals(await world.json(getter.dir, ["trust", "list"]), []);
  await Deno.rename(`${alice.dir}/away`, `${alice.dir}/data`);
  await world.json(alice.dir, ["share", "data"]);
  const [entry] = await eventually("the download ends by itself", async () => {
    const entries = await world.json<TrustEntry[]>(getter.dir, ["trust", "list"]);
    return entries.length > 0 && entries;
  });
  assertEquals([entry.publisher, entry.how], [alice.key, "first"]);
  assertEquals(await Deno.readTextFile(`${getter.dir}/data`), "by alice");
});
