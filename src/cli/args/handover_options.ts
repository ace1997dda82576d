import { Fault } from "../../fault.ts";
import { parseDuration } from "../output/units.ts";
import { flag, type FlagsOf, negative, option } from "./cli_option.ts";
import { parsePath } from "./common_options.ts";

/** Options of `shoal peer send`. */
export const SEND_OPTIONS = {
  to: option<number | "any">(
    "--to <N>",
    "how many receivers there are, or any (default: 1)",
    { variable: null, parse: parseReceivers },
  ),
  /** In seconds. */
  for: option("--for <DURATION>", "how long the code is good: 10m, 2h (default: 1h)", {
    variable: null,
    parse: parseCodeTime,
  }),
  name: option("--name <NAME>", "the name of what comes from standard input (default: stdin)", {
    variable: null,
  }),
  short: flag("--short", "two words in place of three, and ten wrong tries at most", {
    variable: null,
  }),
  link: flag("--link", "a long code that nobody types, for a link or a QR code", {
    variable: null,
  }),
  copy: flag("--copy", "put the code in the clipboard", { variable: null }),
  qr: negative("--no-qr", "no QR code on a terminal", { variable: null }),
};
export type SendFlags = FlagsOf<typeof SEND_OPTIONS>;

/** Options of `shoal peer receive`. */
export const RECEIVE_OPTIONS = {
  output: option("-o, --output <PATH>", "the folder to put it in, or - for standard output", {
    variable: null,
    parse: parsePath,
  }),
  yes: flag("--yes", "don't ask before anything is written", { variable: null }),
  rename: flag("--rename", "take another name where one is taken", { variable: null }),
  codeFile: option("--code-file <FILE>", "read the code or link from a file; - is standard input", {
    variable: null,
    parse: parsePath,
  }),
  insecureCode: flag(
    "--insecure-code",
    "take a whole code as an argument, which other users of this machine can read",
    { variable: null },
  ),
};
export type ReceiveFlags = FlagsOf<typeof RECEIVE_OPTIONS>;

/** Longest time for which a code can be good, in seconds. */
const CODE_TIME_CAP = 86_400;
/** Most receivers that are waited for by number. */
const RECEIVERS_CAP = 1_000;

function parseCodeTime(text: string): number {
  const seconds = parseDuration(text);
  if (seconds <= CODE_TIME_CAP) return seconds;
  throw new Fault("usage", `"${text}" is too long: a code is good for a day at most`);
}

function parseReceivers(text: string): number | "any" {
  if (text === "any") return text;
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= RECEIVERS_CAP) return count;
  throw new Fault("usage", `"${text}" must be a number from 1 to ${RECEIVERS_CAP}, or any`);
}
