import { formatSize, shortId } from "../units.ts";
import { idOption } from "./id_option.ts";
import type { Verb } from "./verb.ts";

/** `pause NAME`: prints what is paused, a line each, or with `--json` an array of PartialStatus. */
export const pauseVerb: Verb = {
  name: "pause",
  arguments: "<NAME>",
  summary: "stop a download for now, until resume or get",
  examples: ["pause debian.iso"],
  role: "verb",
  options: () => [idOption("only this content of that name")],
  async run({ api, args: [name], flags, output }) {
    const paused = await api.pause({ name, id: (flags as { id?: string }).id });
    if (output.json) return await output.value(paused);
    for (const { name, id, bytes, size } of paused) {
      const had = `${formatSize(bytes)} of ${formatSize(size)}`;
      await output.line(`${name}  paused  ${had} kept  id ${shortId(id)}`);
    }
  },
};
