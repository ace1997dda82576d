/** Remembered publishers: the table, and the book that is kept in it. */
import { assertEquals, assertThrows } from "@std/assert";
import { Fault } from "../../../src/fault.ts";
import { TrustBook } from "../../../src/peer/target/trust_book.ts";
import { Swarm } from "../../../src/peer/discovery/swarm.ts";
import { DownloadStore } from "../../../src/store/partial/download_store.ts";
import { peekTrust } from "../../../src/store/state/peek_trust.ts";
import { StateDatabase } from "../../../src/store/state/state_database.ts";
import { TrustStore } from "../../../src/store/state/trust_store.ts";
import type { Taken } from "../../../src/trust/choose_offer.ts";
import type { Announcement } from "../../../src/wire/protocol.ts";
import { faultOf } from "../../support/faults.ts";
import { announcementOf } from "../../support/state.ts";
import { TempFolder } from "../../support/temp_folder.ts";
import { withoutFolders } from "../../support/without_folders.ts";

const OWN = "0f".repeat(32);
const [ALICE, BOB] = ["a1", "b0"].map((byte) => byte.repeat(32));
const [X, Y] = ["11", "22"].map((byte) => byte.repeat(32));
const NOBODY = new Swarm([]);

function by(publisher: string, time: number, id: string, name = "name"): Announcement {
  return announcementOf({ name, id, size: 1, publisher, time });
}

function chosen(announcement: Announcement | undefined, taken: Taken) {
  return { id: announcement?.id ?? X, announcement, taken };
}

/** A book in a database of its own; `shares` is what this peer shares. */
async function newBook(shares: Announcement[] = []) {
  const folder = await TempFolder.create();
  const db = StateDatabase.open(folder.at("state.db"));
  const store = new TrustStore(db);
  let clock = 1_000;
  const book = new TrustBook({
    ...{ store, own: OWN, now: () => clock++ },
    shared: (name) => shares.find((share) => share.name === name),
  });
  const close = async () => {
    db.close();
    await folder[Symbol.asyncDispose]();
  };
  return { book, store, folder, [Symbol.asyncDispose]: close };
}

// The table

Deno.test("trust store: what is put is found, replaced and removed, by name", async () => {
  await using folder = await TempFolder.create();
  const db = StateDatabase.open(folder.at("state.db"));
  const store = new TrustStore(db);
  assertEquals([store.get("a"), store.list()], [undefined, []]);
  const a = { name: "a", publisher: ALICE, how: "first", since: 1, time: 2, id: X } as const;
  const b = { name: "ä/'; DROP", publisher: BOB, how: "accepted", since: 3, time: 0 } as const;
  store.put(b);
  store.put({ ...a, time: 1, id: Y });
  store.put(a);
  assertEquals([store.get("a"), store.get(b.name)], [a, { ...b, id: undefined }]);
  assertEquals(store.list().map(({ name }) => name), ["a", b.name]);
  store.remove("a");
  store.remove("a");
  db.close();
  const again = StateDatabase.open(folder.at("state.db"));
  assertEquals(new TrustStore(again).list().map(({ name }) => name), [b.name]);
  again.close();
});

Deno.test("trust store: a database of version 2 gets its table; its downloads stay", async () => {
  await using folder = await TempFolder.create();
  const path = folder.at("state.db");
  const db = StateDatabase.open(path);
  const about = { name: "half", size: 5, overwrite: false, taken: "first" as const };
  new DownloadStore(db, folder.at("partials")).begin({ ...about, id: X });
  withoutFolders(db);
  db.run("DROP TABLE trust");
  for (const column of ["paused", "taken", "sha256"]) {
    db.run(`ALTER TABLE downloads DROP COLUMN ${column}`);
  }
  db.run("PRAGMA user_version = 2");
  db.close();
  const again = StateDatabase.open(path);
  assertEquals(new TrustStore(again).list(), []);
  const [download] = new DownloadStore(again, folder.at("partials")).list();
  // What began before anybody was remembered goes on as what it was: that content.
  assertEquals([download.id, download.taken, download.sha256], [X, "pinned", undefined]);
  again.close();
});

Deno.test("trust store: it can be looked at for a moment, and where it can't be had is nothing", async () => {
  await using folder = await TempFolder.create();
  const path = folder.at("state #1?.db");
  assertEquals(peekTrust(path)("a"), undefined);
  assertEquals(folder.list(), [], "nothing is made");
  const db = StateDatabase.open(path);
  const entry = { name: "a", publisher: ALICE, how: "first", since: 1, time: 2, id: X } as const;
  new TrustStore(db).put(entry);
  assertEquals(peekTrust(path)("a"), undefined, "somebody has it");
  db.close();
  assertEquals([peekTrust(path)("a"), peekTrust(path)("b")], [entry, undefined]);
  StateDatabase.open(path).close();
  await folder.write("junk.db", "this is no database");
  assertEquals(peekTrust(folder.at("junk.db"))("a"), undefined);
});

// The book

Deno.test("trust book: the first file of a name is noted, and newer ones of the same publisher", async () => {
  await using world = await newBook();
  const { book } = world;
  book.remember("name", chosen(by(ALICE, 5, X), "first"));
  const first = { name: "name", publisher: ALICE, how: "first" as const, since: 1_000 };
  assertEquals(book.list(), [{ ...first, time: 5, id: X }]);
  book.remember("name", chosen(by(ALICE, 9, Y), "known"));
  assertEquals(book.list(), [{ ...first, time: 9, id: Y }]);
  book.remember("name", chosen(by(ALICE, 5, X), "pinned"));
  book.remember("name", chosen(by(BOB, 99, X), "named"));
  assertEquals(book.list(), [{ ...first, time: 9, id: Y }]);
});

Deno.test("trust book: a file by another name, or one that nobody signed for, is not noted", async () => {
  await using world = await newBook();
  const { book } = world;
  book.remember("name", chosen(by(ALICE, 5, X, "another"), "first"));
  book.remember("name", chosen(undefined, "none"));
  assertEquals(book.list(), []);
});

Deno.test("trust book: what was chosen is held against what was remembered since", async () => {
  await using world = await newBook();
  const { book, store } = world;
  const first = chosen(by(ALICE, 5, X), "first");
  book.confirm("name", first);
  book.confirm("name", chosen(undefined, "none"));
  store.put({ name: "name", publisher: BOB, how: "first", since: 1, time: 5, id: Y });
  const refused = (what: Parameters<TrustBook["confirm"]>[1], text: string) => {
    const fault = assertThrows(() => book.confirm("name", what), Fault, text);
    assertEquals(fault.kind, "integrity");
  };
  refused(first, "was remembered for it");
  refused(chosen(undefined, "none"), "sign nothing");
  refused(chosen(by(BOB, 4, X), "known"), "older than the one");
  book.confirm("name", chosen(by(BOB, 4, Y), "known"));
  book.confirm("name", chosen(by(BOB, 6, X), "known"));
  book.confirm("name", chosen(by(ALICE, 5, X), "pinned"));
  book.confirm("name", chosen(by(ALICE, 5, X), "named"));
});

Deno.test("trust book: what this peer itself publishes counts as remembered, until told otherwise", async () => {
  await using world = await newBook([by(OWN, 5, X, "mine"), by(ALICE, 5, X, "held")]);
  const { book, store } = world;
  assertEquals(book.knowledge("mine").remembered?.publisher, OWN);
  assertEquals(book.knowledge("held").remembered, undefined);
  const stranger = chosen(by(BOB, 9, Y, "mine"), "first");
  assertThrows(() => book.confirm("mine", stranger), Fault, "was remembered for it");
  assertEquals(book.standing({ name: "mine", publisher: BOB }), "other");
  assertEquals(book.standing({ name: "mine", publisher: OWN }), "own");
  assertEquals(book.standing({ name: "held", publisher: ALICE }), "unknown");
  store.put({ name: "mine", publisher: BOB, how: "accepted", since: 1, time: 0 });
  book.confirm("mine", stranger);
  assertEquals(book.standing({ name: "mine", publisher: BOB }), "trusted");
});

Deno.test("trust book: a whole key is accepted without asking anybody, and forgotten again", async () => {
  await using world = await newBook();
  const { book } = world;
  const entry = { name: "name", publisher: ALICE, how: "accepted" as const, since: 1_000, time: 0 };
  assertEquals(await book.accept({ name: "name", publisher: ALICE }, NOBODY), entry);
  const same = await book.accept({ name: "name", publisher: ALICE }, NOBODY);
  assertEquals(same.since, 1_000, "nothing changed");
  book.remember("name", chosen(by(ALICE, 5, X), "known"));
  assertEquals((await book.accept({ name: "name", publisher: ALICE }, NOBODY)).time, 5);
  const bob = await book.accept({ name: "name", publisher: BOB }, NOBODY);
  assertEquals([bob.publisher, bob.time, bob.id], [BOB, 0, undefined]);
  assertEquals(book.list().length, 1);
  assertEquals(book.forget("name").publisher, BOB);
  assertEquals(book.list(), []);
  await faultOf("not_found", () => book.forget("name"), 'Cannot forget "name": no publisher');
});

Deno.test("trust book: names are brought into their one form, and bad ones refused", async () => {
  await using world = await newBook();
  const { book } = world;
  const { name } = await book.accept({ name: "a\u0308", publisher: ALICE }, NOBODY);
  assertEquals(name, "\u00e4");
  assertEquals(book.forget("a\u0308").name, "\u00e4");
  await faultOf("usage", book.accept({ name: "../up", publisher: ALICE }, NOBODY), "the part ..");
  assertEquals(book.list(), []);
});

Deno.test("trust book: the command in a refusal is fit for a shell, whatever the name", async () => {
  await using world = await newBook();
  const { book, store } = world;
  for (
    const [name, word] of [
      ["it's", `--publisher ${BOB} 'it'\\''s'`],
      ["$(rm -rf ~) `x`", `--publisher ${BOB} '$(rm -rf ~) \`x\`'`],
      ["--json", `--publisher ${BOB} -- --json`],
      ["a/b-1.iso", `--publisher ${BOB} a/b-1.iso`],
    ]
  ) {
    store.put({ name, publisher: ALICE, how: "first", since: 1, time: 5, id: X });
    const fault = assertThrows(
      () => book.confirm(name, chosen(by(BOB, 9, Y, name), "first")),
      Fault,
    );
    assertEquals(fault.next?.endsWith(`: shoal peer trust accept ${word}`), true, fault.next);
  }
});
