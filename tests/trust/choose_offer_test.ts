/** The choice among announcements of a name: the rules, with nothing around them. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  chooseOffer,
  type Knowledge,
  type Remembered,
  rememberedAfter,
  rememberedFor,
  standingOf,
  type Wish,
} from "../../src/trust/choose_offer.ts";
import { announcementOf } from "../support/state.ts";

const OWN = "0f".repeat(32);
const [ALICE, BOB, CAROL] = ["a1", "b0", "ca"].map((byte) => byte.repeat(32));
const [X, Y, Z] = ["11", "22", "33"].map((byte) => byte.repeat(32));

function offer(publisher: string, time: number, id: string, name = "name") {
  return { announcement: announcementOf({ name, id, size: 1, publisher, time }) };
}

function choose(offers: ReturnType<typeof offer>[], wish: Wish = {}, remembered?: Remembered) {
  return chooseOffer(offers, { name: "name", ...wish }, { own: OWN, remembered });
}

/** The choice in short: what it is, whose, and which content. */
function gist(...args: Parameters<typeof choose>): unknown[] {
  const choice = choose(...args);
  if (choice.kind !== "take") return [choice.kind];
  const { publisher, id } = choice.lead.announcement;
  return [choice.taken, publisher, id];
}

Deno.test("choose: nothing on offer, nothing that fits", () => {
  assertEquals(gist([]), ["nothing"]);
  assertEquals(gist([offer(ALICE, 1, X)], { id: "ffffffff" }), ["nothing"]);
  assertEquals(gist([offer(ALICE, 1, X)], { publisher: BOB }), ["nothing"]);
  assertEquals(gist([offer(ALICE, 1, X)], { id: X, publisher: BOB }), ["nothing"]);
  assertEquals(gist([], {}, { publisher: ALICE, time: 1 }), ["nothing"]);
});

Deno.test("choose: the first use takes a single publisher's newest version", () => {
  assertEquals(gist([offer(ALICE, 1, X)]), ["first", ALICE, X]);
  const versions = [offer(ALICE, 2, Y), offer(ALICE, 3, X), offer(ALICE, 1, Z)];
  assertEquals(gist(versions), ["first", ALICE, X]);
});

Deno.test("choose: several publishers are ambiguous, each with their newest, unless they agree", () => {
  const offers = [offer(ALICE, 1, X), offer(ALICE, 2, Y), offer(BOB, 3, Z)];
  assertEquals(choose(offers), { kind: "ambiguous", candidates: [offers[1], offers[2]] });
  assertEquals(gist([offer(ALICE, 1, X), offer(BOB, 2, X)]), ["several", BOB, X]);
  assertEquals(gist([offer(ALICE, 1, X), offer(BOB, 2, X), offer(CAROL, 3, Y)]), ["ambiguous"]);
});

Deno.test("choose: the remembered publisher is taken among others, with their newer versions", () => {
  const alice = { publisher: ALICE, time: 5, id: X };
  const others = [offer(BOB, 99, Z), offer(CAROL, 98, Y)];
  assertEquals(gist([...others, offer(ALICE, 5, X)], {}, alice), ["known", ALICE, X]);
  assertEquals(gist([offer(ALICE, 6, Y), ...others], {}, alice), ["known", ALICE, Y]);
  assertEquals(gist([offer(ALICE, 6, Y), offer(ALICE, 5, X)], {}, alice), ["known", ALICE, Y]);
  assertEquals(gist([offer(ALICE, 6, Y)], { publisher: ALICE.slice(0, 8) }, alice), [
    "known",
    ALICE,
    Y,
  ]);
});

Deno.test("choose: an older version of the remembered publisher's is a replay", () => {
  const alice = { publisher: ALICE, time: 5, id: X };
  assertEquals(choose([offer(ALICE, 4, Y), offer(BOB, 9, Z)], {}, alice), {
    kind: "replay",
    remembered: alice,
    offer: offer(ALICE, 4, Y),
  });
  assertEquals(gist([offer(ALICE, 4, Y)], { publisher: ALICE }, alice), ["replay"]);
  // The same content, announced once more before, is no older version; nor is one of the same moment.
  assertEquals(gist([offer(ALICE, 4, X)], {}, alice), ["known", ALICE, X]);
  assertEquals(gist([offer(ALICE, 5, Y)], {}, alice), ["known", ALICE, Y]);
  assertEquals(gist([offer(ALICE, 4, Y)], { id: Y }, alice), ["pinned", ALICE, Y]);
  assertEquals(gist([offer(ALICE, 4, Y)], { id: Y.slice(0, 63) }, alice), ["replay"]);
});

Deno.test("choose: another publisher is refused, unless it is the content that was taken last", () => {
  const alice = { publisher: ALICE, time: 5, id: X };
  assertEquals(choose([offer(BOB, 9, Y), offer(CAROL, 9, Z), offer(BOB, 8, Z)], {}, alice), {
    kind: "stranger",
    remembered: alice,
    offers: [offer(BOB, 9, Y), offer(CAROL, 9, Z)],
  });
  assertEquals(gist([offer(BOB, 9, Y), offer(CAROL, 3, X)], {}, alice), ["known", CAROL, X]);
  assertEquals(gist([offer(BOB, 9, Y)], {}, { publisher: ALICE, time: 0 }), ["stranger"]);
});

Deno.test("choose: --publisher takes only theirs; against what is remembered, only by the whole key", () => {
  const offers = [offer(ALICE, 1, X), offer(BOB, 2, Y)];
  assertEquals(gist(offers, { publisher: ALICE }), ["first", ALICE, X]);
  assertEquals(gist(offers, { publisher: BOB.slice(0, 8) }), ["first", BOB, Y]);
  const alice = { publisher: ALICE, time: 1, id: X };
  assertEquals(gist(offers, { publisher: BOB }, alice), ["named", BOB, Y]);
  assertEquals(gist(offers, { publisher: BOB.slice(0, 63) }, alice), ["stranger"]);
  const twins = [offer(BOB, 1, X), offer(BOB.slice(0, 62) + "ff", 2, Y)];
  assertEquals(gist(twins, { publisher: BOB.slice(0, 62) }), ["ambiguous"]);
  assertEquals(gist(twins, { publisher: BOB }), ["first", BOB, X]);
});

Deno.test("choose: the beginning of an id chooses among what is trusted, and pins nothing", () => {
  const alice = { publisher: ALICE, time: 5, id: X };
  const forged = X.slice(0, 32).padEnd(64, "f");
  assertEquals(gist([offer(BOB, 9, forged)], { id: X.slice(0, 32) }, alice), ["stranger"]);
  assertEquals(gist([offer(BOB, 9, forged), offer(ALICE, 5, X)], { id: X.slice(0, 8) }, alice), [
    "known",
    ALICE,
    X,
  ]);
  const own = { publisher: OWN, time: 5, id: X };
  assertEquals(gist([offer(OWN, 5, X)], { id: X.slice(0, 8) }, own), ["own", OWN, X]);
  assertEquals(gist([offer(BOB, 1, Y)], { id: Y.slice(0, 8) }), ["first", BOB, Y]);
  assertEquals(gist([offer(BOB, 1, Y), offer(CAROL, 1, Y)], { id: Y.slice(0, 8) }), [
    "several",
    CAROL,
    Y,
  ]);
  const versions = [offer(ALICE, 6, forged), offer(ALICE, 5, X)];
  assertEquals(gist(versions, { id: X.slice(0, 8) }, alice), ["ambiguous"]);
  assertEquals(gist(versions, { id: X.slice(0, 8) }), ["ambiguous"]);
  assertEquals(gist(versions, { id: X.slice(0, 33) }), ["first", ALICE, X]);
});

Deno.test("choose: an id with a publisher is one announcement of theirs, for that name", () => {
  const alice = { publisher: ALICE, time: 5, id: X };
  const both = { id: Y, publisher: ALICE };
  assertEquals(gist([offer(BOB, 9, Y)], both, alice), ["nothing"]);
  assertEquals(gist([offer(BOB, 9, Y), offer(ALICE, 9, Y, "other")], both, alice), ["nothing"]);
  assertEquals(gist([offer(BOB, 9, Y), offer(ALICE, 4, Y)], both, alice), ["pinned", ALICE, Y]);
});

Deno.test("remembered: the name itself counts, then the nearest folder above it", () => {
  const known: Record<string, Remembered> = {
    "a": { publisher: ALICE, time: 5, id: X },
    "a/b/c": { publisher: BOB, time: 6, id: Y },
  };
  const who = (name: string) => rememberedFor(name, (one) => known[one]);
  assertEquals(who("a"), known.a);
  assertEquals(who("a/b"), { publisher: ALICE, time: 0, folder: "a" });
  assertEquals(who("a/b/c"), known["a/b/c"]);
  assertEquals(who("a/b/c/d/e"), { publisher: BOB, time: 0, folder: "a/b/c" });
  assertEquals([who("ab"), who("b/a")], [undefined, undefined]);
});

Deno.test("choose: an id pins a content, of any publisher", () => {
  const alice = { publisher: ALICE, time: 5, id: X };
  const offers = [offer(BOB, 9, Y), offer(ALICE, 6, X)];
  assertEquals(gist(offers, { id: Y }, alice), ["pinned", BOB, Y]);
  assertEquals(gist(offers, { id: Y, publisher: BOB }, alice), ["pinned", BOB, Y]);
  const alike = [offer(BOB, 9, "12345678".padEnd(64, "0")), offer(ALICE, 6, "12345678".repeat(8))];
  assertEquals(gist(alike, { id: "12345678" }), ["ambiguous"]);
  assertEquals(gist(alike, { id: "1234567812" })[0], "first");
  // The remembered publisher's announcement leads, then one of that name, then the newest.
  const same = [offer(BOB, 9, X, "other"), offer(CAROL, 8, X), offer(ALICE, 1, X)];
  assertEquals(gist(same, { id: X }, alice), ["pinned", ALICE, X]);
  assertEquals(gist(same.slice(0, 2), { id: X }, alice), ["pinned", CAROL, X]);
  assertEquals(gist(same.slice(0, 1), { id: X }, alice), ["pinned", BOB, X]);
});

Deno.test("choose: this peer trusts itself, as far as nobody else is remembered", () => {
  const offers = [offer(BOB, 9, Y), offer(OWN, 1, X)];
  assertEquals(gist(offers), ["own", OWN, X]);
  const alice = { publisher: ALICE, time: 5, id: Z };
  assertEquals(gist(offers, {}, alice), ["own", OWN, X]);
  assertEquals(gist([...offers, offer(ALICE, 6, Z)], {}, alice), ["known", ALICE, Z]);
  const own = { publisher: OWN, time: 5, id: Z };
  assertEquals(gist([offer(BOB, 9, Y)], {}, own), ["stranger"]);
  assertEquals(gist([...offers, offer(OWN, 5, Z)], {}, own), ["own", OWN, Z]);
  assertEquals(gist(offers, {}, own), ["replay"]);
});

Deno.test("remembered: the first, and from then on only their newer versions", () => {
  const at = (publisher: string, time: number, id: string) =>
    offer(publisher, time, id).announcement;
  const alice = { publisher: ALICE, time: 5, id: X };
  assertEquals(rememberedAfter(undefined, at(ALICE, 5, X), "first"), alice);
  for (const taken of ["known", "own", "pinned", "named", "several", "none"] as const) {
    assertEquals(rememberedAfter(undefined, at(ALICE, 5, X), taken), undefined, taken);
    assertEquals(rememberedAfter(alice, at(BOB, 9, Y), taken), alice, taken);
  }
  assertEquals(rememberedAfter(alice, at(ALICE, 4, Y), "pinned"), alice);
  const newer = { publisher: ALICE, time: 6, id: Y };
  assertEquals(rememberedAfter(alice, at(ALICE, 6, Y), "known"), newer);
  assertEquals(rememberedAfter({ publisher: ALICE, time: 0 }, at(ALICE, 5, X), "known"), alice);
});

Deno.test("standing: own, trusted, other, unknown", () => {
  const remembered = { publisher: ALICE, time: 1 };
  assertEquals(standingOf(OWN, { own: OWN, remembered }), "own");
  assertEquals(standingOf(ALICE, { own: OWN, remembered }), "trusted");
  assertEquals(standingOf(BOB, { own: OWN, remembered }), "other");
  assertEquals(standingOf(BOB, { own: OWN }), "unknown");
  assertEquals(standingOf(BOB, {}), "unknown");
});

// Properties

const publisher = fc.constantFrom(ALICE, BOB, CAROL, OWN);
const content = fc.constantFrom(X, Y, Z);
const someOffer = fc.record({ publisher, time: fc.integer({ min: 0, max: 9 }), id: content })
  .map(({ publisher, time, id }) => offer(publisher, time, id));
const offers = fc.array(someOffer, { maxLength: 6 });
const remembered = fc.option(
  fc.record({ publisher, time: fc.integer({ min: 0, max: 9 }), id: content }),
  { nil: undefined },
);

/** Arguments of `choose`, and what came of them. */
function always(
  check: (choice: ReturnType<typeof choose>, knowledge: Knowledge, wish: Wish) => void,
  wishes: fc.Arbitrary<Wish> = fc.constant({}),
) {
  fc.assert(fc.property(offers, remembered, wishes, (offers, remembered, wish) => {
    check(choose(offers, wish, remembered), { own: OWN, remembered }, wish);
  }));
}

Deno.test("choose, always: without a word of the user's, no stranger's content is taken", () => {
  always((choice, { remembered }) => {
    if (choice.kind !== "take" || !remembered) return;
    const { publisher, id } = choice.lead.announcement;
    assert([remembered.publisher, OWN].includes(publisher) || id === remembered.id);
  });
});

Deno.test("choose, always: no version of the remembered publisher's goes back in time", () => {
  always((choice, { remembered }) => {
    if (choice.kind !== "take" || !remembered) return;
    const { publisher, time, id } = choice.lead.announcement;
    if (publisher !== remembered.publisher) return;
    assert(time >= remembered.time || id === remembered.id);
  });
});

Deno.test("choose, always: what is taken fits the wish, and all its offers have its content", () => {
  const wishes = fc.record({
    id: fc.option(fc.constantFrom(X, Y.slice(0, 8)), { nil: undefined }),
    publisher: fc.option(fc.constantFrom(ALICE, BOB.slice(0, 8)), { nil: undefined }),
  });
  always((choice, _, { id = "", publisher = "" }) => {
    if (choice.kind !== "take") return;
    const { lead, offers } = choice;
    assert(lead.announcement.id.startsWith(id));
    assert(lead.announcement.publisher.startsWith(publisher));
    assert(offers.includes(lead));
    for (const one of offers) assertEquals(one.announcement.id, lead.announcement.id);
  }, wishes);
});

Deno.test("choose, always: the order of the offers is of no account", () => {
  fc.assert(fc.property(offers, remembered, (offers, remembered) => {
    assertEquals(gist(offers.toReversed(), {}, remembered), gist(offers, {}, remembered));
  }));
});

Deno.test("remembered, always: the publisher stays, and the time never goes back", () => {
  const taken = fc.constantFrom("first", "known", "own", "pinned", "named", "several", "none");
  fc.assert(fc.property(fc.array(fc.tuple(someOffer, taken)), (steps) => {
    let before: Remembered | undefined;
    for (const [{ announcement }, how] of steps) {
      const after = rememberedAfter(before, announcement, how as "first");
      if (before) {
        assertEquals(after?.publisher, before.publisher);
        assert(after!.time >= before.time);
      }
      before = after;
    }
  }));
});
