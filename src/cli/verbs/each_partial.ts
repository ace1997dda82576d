import type { ExitCode } from "../output/exit_code.ts";
import { pinnedName } from "../args/pinned_name.ts";
import { formatSize, shortId } from "../output/units.ts";
import { UsageFault } from "../output/usage.ts";
import { eachName } from "./each_name.ts";
import type { VerbCall } from "./verb.ts";

/**
 * Does something with the downloads of each name that aren't whole yet, and prints them: a line or a
 * PartialStatus each. `done` says what was done, and `had` what became of the bytes that are there; `act`
 * is named as the verb is.
 */
export function eachPartial(
  call: VerbCall,
  { act, done, had }: { act: "pause" | "resume" | "cancel"; done: string; had: string },
): Promise<ExitCode> {
  const { api, args, flags, output } = call;
  const { id: only } = flags as { id?: string };
  if (only !== undefined && args.length > 1) {
    const why = "--id is for one download; name several as NAME@ID";
    throw new UsageFault(why, `shoal peer ${act} --help`);
  }
  return eachName(call, async (word) => {
    const partials = await api[act](pinnedName(word, only));
    if (output.json) return partials;
    for (const { name, id, bytes, size } of partials) {
      const part = `${formatSize(bytes)} of ${formatSize(size)}`;
      await output.line(`${name}  ${done}  ${part} ${had}  id ${shortId(id)}`);
    }
    return partials;
  });
}
