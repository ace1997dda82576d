import { createHmac } from "node:crypto";
import { fromHex, toHex } from "../../../src/content/hex.ts";
import { NAME_SUFFIX } from "../../../src/trust/swarm_authority.ts";
import { findNameKey, makeSwarmName } from "../../../src/trust/swarm_name.ts";
import { must, unlessFaultLater } from "../allow.ts";
import type { Target } from "../target.ts";
import { bytesOf, textOf } from "../text.ts";

const KEYS = [1, 2].map((n) => ({ nameKey: new Uint8Array(32).fill(n) }));
const NAMES = await Promise.all(
  KEYS.map((key, n) => makeSwarmName(key, new Uint8Array(10).fill(n))),
);

/** The name that a stranger asks a private listener for: only one that a key made is good. */
export const swarmNames: Target = {
  name: "swarm_names",
  weight: 20,
  seeds: [...NAMES, NAME_SUFFIX, "localhost", ""].map(bytesOf),
  generate(random) {
    const name = nameOf(random.pick(KEYS).nameKey, toHex(random.bytes(10)));
    const at = random.below(2 * name.length);
    return bytesOf(name.slice(0, at) + random.pick(["", "0", "f", "."]) + name.slice(at + 1));
  },
  async run(input) {
    const name = textOf(input);
    const found = await unlessFaultLater(["network"], () => findNameKey(name, KEYS));
    const nonce = /^[0-9a-f]{20}/.exec(name)?.[0];
    const made = KEYS.find(({ nameKey }) => nonce && name === nameOf(nameKey, nonce));
    must(found === made, "a name is good exactly when one of the keys made it");
  },
};

/** The name with that nonce, in hex, made by other means. */
function nameOf(key: Uint8Array, nonce: string): string {
  const mac = createHmac("sha256", key).update(fromHex(nonce)).digest("hex").slice(0, 32);
  return `${nonce}${mac}.${NAME_SUFFIX}`;
}
