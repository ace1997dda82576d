import { InvalidArgumentError, type Option } from "commander";
import { option } from "../args/options.ts";

/** `--publisher KEY`, for the verbs that are given a name which several may publish. */
export function publisherOption(what: string): Option {
  return option("--publisher <KEY>", `${what}: a peer id, or its first 8 or more digits`)
    .argParser(parseKey);
}

function parseKey(text: string): string {
  if (!/^[0-9a-f]{8,64}$/i.test(text)) {
    throw new InvalidArgumentError("It must be 8 to 64 hex digits.");
  }
  return text.toLowerCase();
}
