import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { generatorOf, newShare, sharedKey } from "../../src/handover/cpace.ts";
import { fromHex, toHex } from "../../src/content/hex.ts";

const encoder = new TextEncoder();

/** Of draft-irtf-cfrg-cpace-21, B.3. */
const CONTEXT = {
  secret: encoder.encode("Password"),
  channel: encoder.encode("\nAinitiator\nBresponder"),
  session: fromHex("7e4b4791d6a8ef019b936c79fb7f2c57"),
};
const SCALAR_A = fromHex("da3d23700a9e5699258aef94dc060dfda5ebb61f02a5ea77fad53f4ff0976d08");
const SCALAR_B = fromHex("d2316b454718c35362d83d69df6320f38578ed5984651435e2949762d900b80d");
const POINT_A = "383a85dd236978f17f8c8545b50dabc52a39fcdab2cf8bc531ce040ff77ca82d";
const POINT_B = "a6206309c0e8e5f579295e35997ac4300ab3fecec3c17f7b604f3e698fa1383c";
const KEY = "e91ccb2c0f5e0d0993a33956e3be59754f3f2b07db57631f5394452ea2e7b435" +
  "4674eb1f5686c078462bf83bec72e8743df440108e638f3526d9b90e85be096f";

const initiator = { point: fromHex(POINT_A), associated: encoder.encode("ADa") };
const responder = { point: fromHex(POINT_B), associated: encoder.encode("ADb") };

Deno.test("CPace: the draft's vectors: generator, shares and key of both sides", () => {
  assertEquals(
    generatorOf(CONTEXT).toHex(),
    "5e25411ca1ad7c9debfd0b33ad987a95cefef2d3f15dcc8bd26415a5dfe2e15a",
  );
  const a = newShare(CONTEXT, () => SCALAR_A.slice());
  const b = newShare(CONTEXT, () => SCALAR_B.slice());
  assertEquals([toHex(a.point), toHex(b.point)], [POINT_A, POINT_B]);
  const both = { initiator, responder };
  assertEquals(toHex(sharedKey(CONTEXT, a.scalar, { ...both, other: b.point })), KEY);
  assertEquals(toHex(sharedKey(CONTEXT, b.scalar, { ...both, other: a.point })), KEY);
});

Deno.test("CPace: another secret, channel, session or said word makes another key", () => {
  const a = newShare(CONTEXT);
  const keys = new Set<string>();
  for (
    const other of [
      CONTEXT,
      { ...CONTEXT, secret: encoder.encode("password") },
      { ...CONTEXT, channel: encoder.encode("elsewhere") },
      { ...CONTEXT, session: new Uint8Array(16) },
    ]
  ) {
    const b = newShare(other);
    const both = {
      initiator: { ...initiator, point: a.point },
      responder: { ...responder, point: b.point },
    };
    const ours = toHex(sharedKey(CONTEXT, a.scalar, { ...both, other: b.point }));
    const theirs = toHex(sharedKey(other, b.scalar, { ...both, other: a.point }));
    if (other === CONTEXT) assertEquals(ours, theirs);
    else assertNotEquals(ours, theirs);
    keys.add(ours).add(theirs);
    const lied = { ...both, responder: { ...both.responder, associated: encoder.encode("x") } };
    assertNotEquals(ours, toHex(sharedKey(CONTEXT, a.scalar, { ...lied, other: b.point })));
  }
  assertEquals(keys.size, 7);
});

Deno.test("CPace: shares that are no point, or the neutral element, are refused", () => {
  const { scalar } = newShare(CONTEXT);
  for (
    const other of [
      // The draft's invalid inputs: no point, and the neutral element.
      fromHex("2b3c6b8c4f3800e7aef6864025b4ed79bd599117e427c41bd47d93d654b4a51c"),
      new Uint8Array(32),
      new Uint8Array(32).fill(0xff),
      new Uint8Array(31),
      new Uint8Array(),
    ]
  ) {
    assertThrows(() => sharedKey(CONTEXT, scalar, { initiator, responder, other }));
  }
});
