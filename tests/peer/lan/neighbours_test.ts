import { assert, assertEquals, assertLess } from "@std/assert";
import { Neighbours } from "../../../src/peer/lan/neighbours.ts";

const idOf = (number: number) => number.toString(16).padStart(64, "0");

Deno.test("neighbours: a flood of made-up peers does not push out one that proved its id", () => {
  const neighbours = new Neighbours(() => 0);
  const proven = idOf(1);
  assert(neighbours.hear(proven, { host: "10.0.0.1", port: 1 }));
  neighbours.prove(proven);
  for (let at = 2; at < 5_000; at++) {
    neighbours.hear(idOf(at), { host: `10.0.${at >> 8}.${at & 255}`, port: 9 });
  }
  const { places } = neighbours;
  assertEquals(places[0]?.peer, proven);
  assertLess(places.length, 300);
});

Deno.test("neighbours: one address stands for a few peers, and a peer has a few addresses", () => {
  let now = 0;
  const neighbours = new Neighbours(() => now);
  const noted = Array.from(
    { length: 100 },
    (_, at) => neighbours.hear(idOf(at), { host: "10.0.0.1", port: at + 1 }),
  );
  assertEquals(noted.filter(Boolean).length, 32);
  const one = idOf(1_000);
  for (let at = 0; at < 10; at++) {
    now++;
    neighbours.hear(one, { host: `10.0.1.${at}`, port: 1 });
  }
  const place = neighbours.places.find(({ peer }) => peer === one);
  assertEquals(place?.addresses.map(({ host }) => host), [
    "10.0.1.9",
    "10.0.1.8",
    "10.0.1.7",
    "10.0.1.6",
  ]);
  assert(!neighbours.hear(one, { host: "10.0.1.9", port: 1 }), "nothing new");
  now += 120_000;
  assertEquals(neighbours.places, []);
});
