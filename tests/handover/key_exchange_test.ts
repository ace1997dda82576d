import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type HandoverOffer,
  ReceivingEnd,
  SendingEnd,
  WRONG,
  WrongWords,
} from "../../src/handover/key_exchange.ts";
import { BLOB_CAP } from "../../src/wire/protocol.ts";

const OFFER: HandoverOffer = {
  swarm: "5e".repeat(32),
  peer: "a1".repeat(32),
  list: {
    name: "hand-over/list",
    id: "1d".repeat(32),
    size: 2 << 20,
    mtime: Date.parse("2026-01-01"),
    time: Date.parse("2026-01-01"),
    publisher: "a1".repeat(32),
    signature: "f0".repeat(64),
  },
  at: Array.from({ length: 8 }, (_, at) => ({ host: `2001:db8::${at}`, port: 40_000 + at })),
  to: 3,
  size: 1_234,
  until: Date.parse("2030-01-01"),
};

Deno.test("a key exchange: the same words bring the offer over, in blobs that fit a room", async () => {
  const receiver = new ReceivingEnd(417, "orange-canyon-river");
  const sender = new SendingEnd(417, "orange-canyon-river");
  const said = [receiver.open()];
  said.push(await sender.reply(said[0]!));
  said.push(await receiver.confirm(said[1]!));
  said.push(await sender.offer(said[2]!, OFFER));
  assertEquals(await receiver.accept(said[3]!), OFFER);
  for (const blob of said) {
    assert(blob.length <= BLOB_CAP);
    for (const secret of ["orange", "canyon", OFFER.swarm, OFFER.peer]) {
      assertEquals(blob.includes(secret), false, secret);
    }
  }
});

Deno.test("a key exchange: other words, or another room, tell neither side anything", async () => {
  for (
    const [room, words] of [[417, "orange-canyon-rivet"], [418, "orange-canyon-river"]] as const
  ) {
    const receiver = new ReceivingEnd(room, words);
    const sender = new SendingEnd(417, "orange-canyon-river");
    const confirm = await receiver.confirm(await sender.reply(receiver.open()));
    await assertRejects(() => sender.offer(confirm, OFFER), WrongWords);
    await assertRejects(() => receiver.accept(WRONG), WrongWords);
  }
});

Deno.test("a key exchange: what was altered, repeated, reflected or made up is a wrong try", async () => {
  const begin = async () => {
    const receiver = new ReceivingEnd(417, "orange-canyon-river");
    const sender = new SendingEnd(417, "orange-canyon-river");
    const opening = receiver.open();
    const reply = await sender.reply(opening);
    return { receiver, sender, opening, reply, confirm: await receiver.confirm(reply) };
  };
  const first = await begin();
  const second = await begin();
  // Another exchange's words, and one's own sent back.
  await assertRejects(() => first.sender.offer(second.confirm, OFFER), WrongWords);
  const offered = await second.sender.offer(second.confirm, OFFER);
  await assertRejects(() => first.receiver.accept(offered), WrongWords);
  const { box, ...rest } = JSON.parse(offered);
  const bad = box.startsWith("0") ? `1${box.slice(1)}` : `0${box.slice(1)}`;
  await assertRejects(
    () => second.receiver.accept(JSON.stringify({ ...rest, box: bad })),
    WrongWords,
  );
  const reflected = JSON.parse(first.confirm).confirm;
  const echoed = JSON.stringify({ ...rest, confirm: reflected, box });
  await assertRejects(() => first.receiver.accept(echoed), WrongWords);
  // A sender that was never opened, and what is no share.
  const fresh = new SendingEnd(417, "orange-canyon-river");
  await assertRejects(() => fresh.offer(first.confirm, OFFER), WrongWords);
  const sid = "00".repeat(16);
  for (
    const blob of [
      "",
      "{",
      "[]",
      "null",
      JSON.stringify({ sid, y: "00".repeat(32) }),
      JSON.stringify({ sid, y: "ff".repeat(32) }),
      JSON.stringify({ sid, y: "00" }),
      "x".repeat(BLOB_CAP + 1),
    ]
  ) {
    await assertRejects(() => fresh.reply(blob), WrongWords, undefined, blob.slice(0, 99));
    await assertRejects(() => second.receiver.confirm(blob), WrongWords);
  }
});
