import { typedName } from "../args/typed_name.ts";
import { shortId } from "../output/units.ts";
import { eachName } from "./each_name.ts";
import type { Verb } from "./verb.ts";

/** `unshare NAME…`: prints what is no longer shared, a line or a SharedFile each. */
export const unshareVerb: Verb = {
  name: "unshare",
  arguments: "<NAME...>",
  summary: "stop sharing files or folders; they are left where they are",
  examples: ["unshare debian.iso"],
  role: "verb",
  run(call) {
    const { api, output } = call;
    return eachName(call, async (word) => {
      const file = await api.unshare(typedName(word));
      if (!output.json) await output.line(`${file.name}  no longer shared  id ${shortId(file.id)}`);
      return [file];
    });
  },
};
