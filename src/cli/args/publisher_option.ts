import { option } from "./cli_option.ts";
import { parseHex } from "./parse_hex.ts";

/** `--publisher KEY`, for the verbs that are given a name which several may publish. */
export function publisherOption(what: string) {
  return option("--publisher <KEY>", `${what}: a peer id, or its first 8 or more digits`, {
    parse: parseHex,
  });
}
