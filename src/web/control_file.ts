import * as v from "valibot";
import { replaceFile } from "../system/replace_file.ts";
import { readRegularText } from "../system/open_regular.ts";

/** Most bytes of the file: what Shoal writes has some 150. */
const FILE_CAP = 4_096;

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
export function readControlFile(path: string): ControlFile | undefined {
  try {
    return v.parse(ControlFile, JSON.parse(readRegularText(path, { cap: FILE_CAP })));
  } catch {
    return undefined;
  }
}
