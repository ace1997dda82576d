import * as v from "valibot";
import { replaceFile } from "../system/replace_file.ts";

/** The address of a running peer's control endpoint, and its token. */
export const ControlFile = v.object({
  url: v.pipe(v.string(), v.regex(/^http:\/\/127\.0\.0\.1:\d{1,5}$/)),
  token: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)),
  pid: v.number(),
});
export type ControlFile = v.InferOutput<typeof ControlFile>;

/** Writes the file in one step, readable by its owner alone. */
export function writeControlFile(path: string, control: ControlFile): void {
  replaceFile(path, JSON.stringify(control) + "\n");
}

/** Reads the file; undefined when there is none, or it makes no sense. */
export async function readControlFile(path: string): Promise<ControlFile | undefined> {
  try {
    return v.parse(ControlFile, JSON.parse(await Deno.readTextFile(path)));
  } catch {
    return undefined;
  }
}
