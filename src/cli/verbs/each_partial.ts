import type { ExitCode } from "../output/exit_code.ts";
import { pinnedName } from "../args/pinned_name.ts";
import { formatSize, shortId } from "../output/units.ts";
import { UsageFault } from "../output/usage.ts";
import { idOption } from "../args/id_option.ts";
import { eachName } from "./each_name.ts";
import type { PeerApi } from "../../peer/api/peer_api.ts";
import type { VerbCall } from "./verb.ts";

/** The options of the verbs that act on partial downloads. */
export const PARTIAL_OPTIONS = {
  id: idOption("only this content of that name, the same as NAME@ID"),
};

/**
 * Does something with the downloads of each name that aren't whole yet, and prints them: a line or a
 * PartialStatus each. `done` says what was done, and `had` what became of the bytes that are there; `act`
 * is named as the verb is.
 */
export function eachPartial(
  call: VerbCall<PeerApi, typeof PARTIAL_OPTIONS>,
  { act, done, had }: { act: "pause" | "resume" | "cancel"; done: string; had: string },
): Promise<ExitCode> {
  const { api, args, flags: { id: only }, output } = call;
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
