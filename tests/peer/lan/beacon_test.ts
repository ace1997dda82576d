import { assert, assertEquals } from "@std/assert";
import { BEACON_CAP, BeaconCodec } from "../../../src/peer/lan/beacon.ts";

const PEER = "ab".repeat(32);
const newKey = () =>
  crypto.subtle.importKey(
    "raw",
    crypto.getRandomValues(new Uint8Array(32)),
    "AES-GCM",
    false,
    ["encrypt", "decrypt"],
  );
const bytesOf = (text: string) => new TextEncoder().encode(text);

Deno.test("beacon: in an open swarm it is a line of JSON, and other datagrams are ignored", async () => {
  const codec = new BeaconCodec();
  const [datagram] = await codec.encode({ ask: true, peer: PEER, port: 10_000 });
  assertEquals(JSON.parse(new TextDecoder().decode(datagram)), {
    shoal: 1,
    ask: true,
    peer: PEER,
    port: 10_000,
  });
  assertEquals(await codec.decode(datagram!), { shoal: 1, ask: true, peer: PEER, port: 10_000 });
  const others = [
    "",
    "hello",
    "{}",
    `{"shoal":2,"peer":"${PEER}","port":1}`,
    `{"shoal":1,"peer":"${PEER}","port":0}`,
    `{"shoal":1,"peer":"x","port":1}`,
    `{"shoal":1,"peer":"${PEER}","port":1}`.padEnd(BEACON_CAP + 1),
  ];
  for (const other of others) assertEquals(await codec.decode(bytesOf(other)), undefined, other);
});

Deno.test("beacon: in a private swarm only members read it, by any key that they share", async () => {
  const [first, second, strangers] = await Promise.all([newKey(), newKey(), newKey()]);
  const rotated = new BeaconCodec(() => [second, first]);
  const old = new BeaconCodec(() => [first]);
  const stranger = new BeaconCodec(() => [strangers]);
  const open = new BeaconCodec();
  const said = { peer: PEER, port: 10_000 };
  const datagrams = await rotated.encode(said);
  assertEquals(datagrams.length, 2, "one for each key");
  assertEquals(new Set(datagrams.map(({ length }) => length)).size, 1);
  const [short] = await old.encode({ ask: true });
  assertEquals(short!.length, datagrams[0]!.length, "the length tells nothing");
  assertEquals(await old.decode(datagrams[1]!), { shoal: 1, ...said });
  assertEquals(await rotated.decode(short!), { shoal: 1, ask: true });
  for (const datagram of datagrams) {
    assert(!new TextDecoder("latin1").decode(datagram).includes(PEER.slice(0, 8)));
    for (const other of [stranger, open]) assertEquals(await other.decode(datagram), undefined);
    datagram[20]! ^= 1;
    assertEquals(await rotated.decode(datagram), undefined, "changed on the way");
  }
  const [clear] = await open.encode(said);
  assertEquals(await old.decode(clear!), undefined);
});
