import { formatSize, shortId } from "../units.ts";
import { idOption } from "./id_option.ts";
import type { Verb } from "./verb.ts";

/** `resume NAME`: prints what goes on, a line each, or with `--json` an array of PartialStatus. */
export const resumeVerb: Verb = {
  name: "resume",
  arguments: "<NAME>",
  summary: "go on with a download that was paused",
  examples: ["resume debian.iso"],
  role: "verb",
  options: () => [idOption("only this content of that name")],
  async run({ api, args: [name], flags, output, serving }) {
    const resumed = await api.resume({ name, id: (flags as { id?: string }).id });
    if (output.json) await output.value(resumed);
    else {
      for (const { name, id, bytes, size } of resumed) {
        const had = `${formatSize(bytes)} of ${formatSize(size)}`;
        await output.line(`${name}  resumed  ${had} there  id ${shortId(id)}`);
      }
    }
    if (!serving) output.note("No peer runs for this folder: it goes on when one does.");
  },
};
