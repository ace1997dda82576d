import { formatSize, shortId } from "../units.ts";
import { pinnedName } from "../pinned_name.ts";
import { idOption } from "./id_option.ts";
import type { Verb } from "./verb.ts";

/** `cancel NAME`: prints what was removed, a line each, or with `--json` an array of PartialStatus. */
export const cancelVerb: Verb = {
  name: "cancel",
  arguments: "<NAME>",
  summary: "end a download that is not whole yet, and remove what there is of it",
  examples: ["cancel debian.iso"],
  role: "verb",
  options: () => [idOption("only this content of that name, the same as NAME@ID")],
  async run({ api, args: [word], flags, output }) {
    const removed = await api.cancel(pinnedName(word, (flags as { id?: string }).id));
    if (output.json) return await output.value(removed);
    for (const { name, id, bytes, size } of removed) {
      const had = `${formatSize(bytes)} of ${formatSize(size)}`;
      await output.line(`${name}  cancelled  ${had} removed  id ${shortId(id)}`);
    }
  },
};
