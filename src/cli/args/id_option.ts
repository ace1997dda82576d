import { option } from "./cli_option.ts";
import { parseHex } from "./parse_hex.ts";

/** `--id HEX`, for the verbs that are given a name which may stand for several contents. */
export function idOption(what: string) {
  return option("--id <HEX>", `${what}: a file id, or its first 8 or more digits`, {
    parse: parseHex,
  });
}
