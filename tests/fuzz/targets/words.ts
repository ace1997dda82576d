import { splitWords } from "../../../src/cli/args/split_words.ts";
import {
  formatAge,
  formatDuration,
  formatSize,
  parseDuration,
  parseRate,
  parseSize,
} from "../../../src/cli/output/units.ts";
import { parseAddress, parsePort } from "../../../src/peer/api/settings.ts";
import { must, unlessFault } from "../allow.ts";
import type { Target } from "../target.ts";
import { bytesOf, textOf } from "../text.ts";

const TEXTS = [
  ...['get \'a b\' "c\\"d" e\\ f', "share ''", "'", '"\\', "get x -o -", "1.5G", "64KiB", "none"],
  ...["2M/s", "30s", "1.5h", "1e9", "9".repeat(400), "10.0.0.1:8000", "[::1]:1", "::1", "a:b:c"],
  ...["[::1%eth0]:65535", "host:", ":1", "[]:1", "65536", "-1", "0x10", " 7 ", "1 . 5 G", "0"],
];

/** Typed words: a shell's line, sizes, rates, durations, addresses, ports. */
export const words: Target = {
  name: "words",
  weight: 60,
  seeds: TEXTS.map(bytesOf),
  run(input) {
    const text = textOf(input.subarray(0, 4_096));
    const split = unlessFault(["usage"], () => splitWords(text));
    if (split) {
      const quoted = split.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
      must(JSON.stringify(splitWords(quoted)) === JSON.stringify(split), "quoted words come back");
    }
    const size = unlessFault(["usage"], () => parseSize(text));
    if (size !== undefined) must(Number.isSafeInteger(size) && size >= 0, "a size is whole");
    const rate = unlessFault(["usage"], () => parseRate(text));
    if (rate !== undefined) must(/^[\d.]+ [KMGTP]?i?B$/.test(formatSize(rate)), "a rate is shown");
    const duration = unlessFault(["usage"], () => parseDuration(text));
    if (duration !== undefined) {
      must(duration > 0, "a duration is positive");
      formatDuration(duration);
      formatAge(duration, 0);
    }
    const address = unlessFault(["usage"], () => parseAddress(text, 0));
    if (address) must(address.port >= 0 && address.port <= 65_535, "a port is one");
    const port = unlessFault(["usage"], () => parsePort(text));
    if (port !== undefined) must(port >= 0 && port <= 65_535, "a port is one");
  },
};
