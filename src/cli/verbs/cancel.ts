import { eachPartial, PARTIAL_OPTIONS } from "./each_partial.ts";
import type { Verb } from "./verb.ts";

/** `cancel NAME…`: prints what was removed, a line or a PartialStatus each. */
export const cancelVerb: Verb<typeof PARTIAL_OPTIONS> = {
  name: "cancel",
  arguments: "<NAME...>",
  summary: "end downloads that are not whole yet, and remove what there is of them",
  examples: ["cancel debian.iso"],
  role: "verb",
  options: PARTIAL_OPTIONS,
  run: (call) => eachPartial(call, { act: "cancel", done: "cancelled", had: "removed" }),
};
