import { eachPartial } from "./each_partial.ts";
import { idOption } from "./id_option.ts";
import type { Verb } from "./verb.ts";

/** `cancel NAME…`: prints what was removed, a line or a PartialStatus each. */
export const cancelVerb: Verb = {
  name: "cancel",
  arguments: "<NAME...>",
  summary: "end downloads that are not whole yet, and remove what there is of them",
  examples: ["cancel debian.iso"],
  role: "verb",
  options: () => [idOption("only this content of that name, the same as NAME@ID")],
  run: (call) => eachPartial(call, { act: "cancel", done: "cancelled", had: "removed" }),
};
