import { InvalidArgumentError, type Option } from "commander";
import { option } from "../args/options.ts";

/** `--id HEX`, for the verbs that are given a name which may stand for several contents. */
export function idOption(what: string): Option {
  return option("--id <HEX>", `${what}: a file id, or its first 8 or more digits`)
    .argParser(parseId);
}

function parseId(text: string): string {
  if (!/^[0-9a-f]{8,64}$/i.test(text)) {
    throw new InvalidArgumentError("It must be 8 to 64 hex digits.");
  }
  return text.toLowerCase();
}
