import { fromHex, toHex } from "../../content/hex.ts";
import { Fault } from "../../fault.ts";
import { isMissing, reasonOf } from "../../system/file_failure.ts";
import { readRegularText } from "../../system/open_regular.ts";
import { writeNewFile } from "../../system/replace_file.ts";

/** Most bytes in a key's file. */
const FILE_CAP = 256;

/**
 * The secret that signs webhooks, from its file; it is made where there is none, readable by its owner
 * alone. Throws a `disk` Fault.
 */
export function webhookKey(path: string): Uint8Array<ArrayBuffer> {
  try {
    try {
      return parse(readRegularText(path, { cap: FILE_CAP }));
    } catch (error) {
      if (!isMissing(error)) throw error;
      writeNewFile(path, toHex(crypto.getRandomValues(new Uint8Array(32))) + "\n");
      return parse(readRegularText(path, { cap: FILE_CAP }));
    }
  } catch (cause) {
    throw new Fault("disk", `Cannot use the key of webhooks "${path}": ${reasonOf(cause)}`, {
      ...{ cause, next: "remove it: another one is made" },
    });
  }
}

function parse(text: string): Uint8Array<ArrayBuffer> {
  if (!/^[0-9a-f]{64}\s*$/.test(text)) throw new Error("it must have 64 hex digits");
  return fromHex(text.trim());
}
