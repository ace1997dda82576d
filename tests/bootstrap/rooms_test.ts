import { assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import {
  MAX_GUESTS,
  MAX_GUESTS_PER_ADDRESS,
  MAX_ROOMS_PER_ADDRESS,
  ROOM_LEFT_MS,
  ROOM_MS,
  ROOM_REST_MS,
} from "../../src/bootstrap/limits.ts";
import { type Occupant, Rooms } from "../../src/bootstrap/rooms.ts";
import { Refused } from "../../src/wire/answerer.ts";
import type { Outgoing } from "../../src/wire/codec.ts";

const TICKET = "11".repeat(32);
const OTHER = "22".repeat(32);

/** Hears notices. */
class Ear implements Occupant {
  readonly host: string;
  readonly heard: Outgoing[] = [];

  constructor(host = "192.0.2.1") {
    this.host = host;
  }

  notify(notice: Outgoing): Promise<void> {
    this.heard.push(notice);
    return Promise.resolve();
  }
}

function setting() {
  let now = 0;
  const rooms = new Rooms({ now: () => now, random: () => 0.5 });
  return {
    rooms,
    pass(ms: number) {
      now += ms;
      rooms.expire();
    },
  };
}

const open = (rooms: Rooms, sender: Occupant, wanted?: number, ticket = TICKET) =>
  rooms.open(sender, { ticket, ms: 1_000_000, wanted });

Deno.test("rooms: what is said goes to the other party, and to nobody else", async () => {
  const { rooms } = setting();
  const [sender, ann, ben] = [new Ear(), new Ear(), new Ear()];
  const room = open(rooms, sender);
  await rooms.enter(ann, room, "I am Ann");
  await rooms.enter(ben, room, "I am Ben");
  await rooms.say(sender, "hello Ben", 2);
  await rooms.say(ann, "and I?");
  rooms.dismiss(sender, 2);
  rooms.dismiss(sender, 2);
  await rooms.say(sender, "gone", 2);
  rooms.left(ann);
  assertEquals(sender.heard, [
    { action: "guest", guest: 1, blob: "I am Ann" },
    { action: "guest", guest: 2, blob: "I am Ben" },
    { action: "said", guest: 1, blob: "and I?" },
    { action: "left", guest: 1 },
  ]);
  assertEquals(ann.heard, []);
  assertEquals(ben.heard, [{ action: "said", blob: "hello Ben" }, { action: "dismissed" }]);
  const refused = await assertRejects(() => rooms.say(ben, "once more"), Refused);
  assertEquals(refused.code, "no_room");
});

Deno.test("rooms: a sender comes back by its ticket, also to a bootstrap that was restarted", async () => {
  const { rooms, pass } = setting();
  const sender = new Ear();
  const room = open(rooms, sender);
  rooms.left(sender);
  const busy = await assertRejects(() => rooms.enter(new Ear(), room, ""), Refused);
  assertEquals(busy.code, "busy");
  const again = new Ear();
  assertThrows(() => open(rooms, again, room, OTHER), Refused);
  assertEquals(open(rooms, again, room), room);
  await rooms.enter(new Ear(), room, "x");
  assertEquals(again.heard.length, 1);
  // A broken connection that is noticed only now takes nothing from the new one.
  rooms.left(sender);
  pass(ROOM_LEFT_MS);
  assertEquals(rooms.size, 1);
  rooms.left(again);
  pass(ROOM_LEFT_MS);
  assertEquals(rooms.size, 0);
  const restarted = setting().rooms;
  assertEquals(open(restarted, again, room), room);
});

Deno.test("rooms: a number rests before it is given again, and ends with its time", async () => {
  const { rooms, pass } = setting();
  const [sender, guest] = [new Ear(), new Ear()];
  const room = open(rooms, sender);
  await rooms.enter(guest, room, "x");
  rooms.close(sender);
  assertEquals(guest.heard, [{ action: "closed" }]);
  assertEquals(sender.heard.at(-1), { action: "closed" });
  const gone = await assertRejects(() => rooms.enter(new Ear(), room, ""), Refused);
  assertEquals(gone.code, "no_room");
  assertThrows(() => open(rooms, new Ear(), room), Refused);
  // The random number is always the same here, so it is the next draw that would give it again.
  const lottery = new Rooms({ now: () => 0, random: Math.random });
  const first = open(lottery, sender);
  assertNotEquals(open(lottery, new Ear(), undefined, OTHER), first);
  pass(ROOM_REST_MS);
  const late = new Ear();
  assertEquals(rooms.open(late, { ticket: TICKET, ms: 2 * ROOM_MS }), room);
  pass(ROOM_MS);
  assertEquals([rooms.size, late.heard.at(-1)], [0, { action: "closed" }]);
});

Deno.test("rooms: nobody has all of them, and no address all places in one", async () => {
  const { rooms } = setting();
  const sender = new Ear("198.51.100.7");
  const room = open(rooms, sender);
  for (let n = 0; n < MAX_GUESTS_PER_ADDRESS; n++) await rooms.enter(new Ear(), room, "");
  const crowded = await assertRejects(() => rooms.enter(new Ear(), room, ""), Refused);
  assertEquals([crowded.code, crowded.retryAfter], ["busy", 1]);
  for (let n = MAX_GUESTS_PER_ADDRESS; n < MAX_GUESTS; n++) {
    await rooms.enter(new Ear(`192.0.2.${n}`), room, "");
  }
  await assertRejects(() => rooms.enter(new Ear("203.0.113.9"), room, ""), Refused);
  const lottery = new Rooms({ now: () => 0 });
  const own = Array.from({ length: MAX_ROOMS_PER_ADDRESS }, () => new Ear());
  for (const one of own) open(lottery, one);
  assertThrows(() => open(lottery, new Ear()), Refused);
  open(lottery, new Ear("203.0.113.9"));
  lottery.close(own[0]!);
  open(lottery, new Ear());
});
