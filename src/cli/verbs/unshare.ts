import { shortId } from "../units.ts";
import type { Verb } from "./verb.ts";

/** `unshare NAME`: prints what is no longer shared. */
export const unshareVerb: Verb = {
  name: "unshare",
  arguments: "<NAME>",
  summary: "stop sharing a file or folder; it is left where it is",
  examples: ["unshare debian.iso"],
  role: "verb",
  async run({ api, args: [name], output }) {
    const file = await api.unshare(name);
    if (output.json) await output.value(file);
    else await output.line(`${file.name}  no longer shared  id ${shortId(file.id)}`);
  },
};
