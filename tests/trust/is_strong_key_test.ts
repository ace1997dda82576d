import { assert, assertEquals } from "@std/assert";
import { fromHex } from "../../src/content/hex.ts";
import { Identity, verify } from "../../src/trust/identity.ts";
import { isStrongKey } from "../../src/trust/is_strong_key.ts";

const zeros = (n: number) => "00".repeat(n);
/** Every encoding of the points of small order, canonical ones and others, with and without the sign. */
const WEAK = [
  zeros(32), // y = 0
  "01" + zeros(31), // y = 1, the neutral element
  "ec" + "ff".repeat(30) + "7f", // y = -1
  "ed" + "ff".repeat(30) + "7f", // y = p, which is 0
  "ee" + "ff".repeat(30) + "7f", // y = p + 1, which is 1
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
].flatMap((key) => {
  const high = Number.parseInt(key.slice(62), 16) | 0x80;
  return [key, key.slice(0, 62) + high.toString(16).padStart(2, "0")];
});

Deno.test("keys: those of small order are nobody's, however they are written", () => {
  for (const key of WEAK) assert(!isStrongKey(key), key);
});

Deno.test("keys: another encoding of a point is no key, nor is what is none", () => {
  // y = p + 3 is the point with y = 3, written another way.
  for (const key of ["f0" + "ff".repeat(30) + "7f", "ff".repeat(32), "", "0g" + zeros(31)]) {
    assert(!isStrongKey(key), key);
  }
});

Deno.test("keys: what is signed for everything by a key of small order is refused", async () => {
  const text = new TextEncoder().encode("anything");
  for (const key of WEAK) {
    // R is the neutral element and S is 0: this fits each text under such a key.
    const signature = fromHex("01" + zeros(31) + zeros(32));
    assertEquals(await verify(key, signature, text), false, key);
  }
});

Deno.test("keys: those that peers make are taken", async () => {
  for (let n = 0; n < 20; n++) {
    const identity = await Identity.generate();
    assert(isStrongKey(identity.id), identity.id);
    const text = new TextEncoder().encode(`text ${n}`);
    assert(await verify(identity.id, await identity.sign(text), text));
  }
});
