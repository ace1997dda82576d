import { concat } from "../support/bytes.ts";
import type { Random } from "./target.ts";

/** Most bytes in an input, unless a target makes longer ones itself: longer finds little more. */
const INPUT_CAP = 1 << 16;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Texts that have broken parsers before. */
const TOKENS = [
  ...["-1", "0", "-0", "1e999", "1e-7", "0.5", "9007199254740991", "9007199254740993", "1e15"],
  ...["4294967295", "2147483648", "65536", "65537", "1048576", "1048577", "18446744073709551616"],
  ...["null", "true", "[]", "{}", '""', '"__proto__"', '"constructor"', "[[[[[[[[", '{"a":'],
  ...["\\u0000", "\\ud800", "\ud83d", "\u202e", "\x1b]0;x\x07", "\u0301", "\ufeff", "\u2028", "\0"],
  ...[
    "../",
    "..\\",
    "/",
    "C:\\",
    "//",
    ".shoal/",
    "CON",
    "a:b",
    "%2e%2e%2f",
    "~",
    "*",
    "**/",
    "{,}",
  ],
  ...["\n", "\r\n", "\t", " ", ",", ":", '"', "'", "\\", "-", "+", "{", "}", "[", "]"],
].map((token) => encoder.encode(token));

/** Values that a field may be given in place of its own. */
const VALUES: unknown[] = [
  ...[null, true, false, 0, -1, 0.5, 1e308, -1e-300, 2 ** 53, 2 ** 53 - 1, 2 ** 31, 2 ** 32],
  ...[65_535, 65_536, 1_048_576, 1_048_577, 255, 16, 17, 4, "", "0", "-1", "a", "__proto__"],
  ...[
    "f".repeat(64),
    "F".repeat(64),
    "0".repeat(128),
    "../x",
    "\u0000",
    "\ud800",
    "x".repeat(1_025),
  ],
  ...[[], {}, [[]], [[0, 1]], [[-1, 2]], [[0.5, 1]], [[9e15, 9e15]], { host: "::1", port: 1 }],
  ...[{ __proto__: null, toString: 1 }, { length: 2 ** 31 }, [null], ["a"]],
];

/** Makes inputs out of other inputs. */
export class Mutator {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A changed copy of one of `pool`: of its structure where it is JSON, or of its bytes. */
  mutate(pool: Uint8Array[]): Uint8Array {
    const random = this.#random;
    let bytes = random.pick(pool);
    if (random.oneIn(3)) bytes = this.#structure(bytes) ?? bytes;
    // Now and then nothing but the structure is changed, or nothing at all.
    for (let changes = random.below(5); changes > 0; changes--) bytes = this.#change(bytes, pool);
    return bytes.length > INPUT_CAP ? bytes.subarray(0, INPUT_CAP) : bytes;
  }

  /** Another value in place of one, a field more, fewer or twice; undefined where it isn't JSON. */
  #structure(bytes: Uint8Array): Uint8Array | undefined {
    let value: unknown;
    const text = decoder.decode(bytes);
    try {
      value = JSON.parse(text);
    } catch {
      return;
    }
    if (this.#random.oneIn(20)) return this.#nest(text);
    if (typeof value === "object" && value !== null && this.#random.oneIn(10)) {
      const [key, one] = this.#random.pick(Object.entries(value)) ?? ["a", 1];
      const again = `${JSON.stringify(key)}:${JSON.stringify(this.#value(one))}`;
      return encoder.encode(text.replace(/\}\s*$/, `,${again}}`));
    }
    return encoder.encode(JSON.stringify(this.#reshape(value, 0)) ?? "null");
  }

  #reshape(value: unknown, depth: number): unknown {
    const random = this.#random;
    if (typeof value !== "object" || value === null || depth > 6 || random.oneIn(12)) {
      return random.oneIn(2) ? this.#value(value) : value;
    }
    const keys = Object.keys(value);
    if (keys.length === 0) return this.#value(value);
    const key = random.pick(keys);
    if (Array.isArray(value)) {
      const list: unknown[] = [...value];
      const what = random.below(6);
      if (what === 0) list.splice(Number(key), 1);
      else if (what > 1) list[Number(key)] = this.#reshape(list[Number(key)], depth + 1);
      else for (let n = random.length(1_100); n > 0; n--) list.push(list[0]);
      return list;
    }
    const object: Record<string, unknown> = { ...value };
    if (random.oneIn(6)) delete object[key];
    else if (random.oneIn(8)) object[random.pick(["id", "payload", "x", "constructor"])] = 7;
    else object[key] = this.#reshape(object[key], depth + 1);
    return object;
  }

  #value(before: unknown): unknown {
    const random = this.#random;
    if (typeof before === "number" && random.oneIn(2)) {
      return random.pick([before + 1, before - 1, -before, before + 0.5, before * 2 ** 20]);
    }
    if (typeof before === "string" && random.oneIn(2)) {
      return random.pick([before + before, before.slice(1), before.toUpperCase(), before + "\n"]);
    }
    return random.pick(VALUES);
  }

  #nest(text: string): Uint8Array {
    const depth = this.#random.length(20_000);
    const [open, close] = this.#random.pick([["[", "]"], ['{"a":', "}"]]);
    return encoder.encode(
      open.repeat(depth) + text + (this.#random.oneIn(4) ? "" : close.repeat(depth)),
    );
  }

  #change(bytes: Uint8Array, pool: Uint8Array[]): Uint8Array {
    const random = this.#random;
    const at = random.below(bytes.length + 1);
    const put = (part: Uint8Array, over = 0) =>
      concat([bytes.subarray(0, at), part, bytes.subarray(Math.min(bytes.length, at + over))]);
    const part = () => {
      const other = random.pick(pool);
      const from = random.below(other.length + 1);
      return other.subarray(from, from + random.length(other.length - from));
    };
    switch (random.below(9)) {
      case 0:
      case 1: {
        const changed = bytes.slice();
        if (at < changed.length) changed[at] ^= 1 << random.below(8);
        return changed;
      }
      case 2: {
        const changed = bytes.slice();
        if (at < changed.length) changed[at] = random.below(256);
        return changed;
      }
      case 3:
        return put(random.bytes(random.length(16)));
      case 4:
        return put(random.pick(TOKENS), random.length(8));
      case 5:
        return put(new Uint8Array(), random.length(bytes.length));
      case 6:
        return bytes.slice(0, at);
      case 7:
        return put(part(), random.length(16));
      default: {
        // The same again and again.
        const unit = bytes.subarray(at, at + 1 + random.length(12));
        return put(concat(Array.from({ length: random.length(200) }, () => unit)));
      }
    }
  }
}
