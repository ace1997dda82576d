import { eachPartial, PARTIAL_OPTIONS } from "./each_partial.ts";
import type { Verb } from "./verb.ts";

/** `pause NAME…`: prints what is paused, a line or a PartialStatus each. */
export const pauseVerb: Verb<typeof PARTIAL_OPTIONS> = {
  name: "pause",
  arguments: "<NAME...>",
  summary: "stop downloads for now, until resume or get",
  examples: ["pause debian.iso"],
  role: "verb",
  options: PARTIAL_OPTIONS,
  run: (call) => eachPartial(call, { act: "pause", done: "paused", had: "kept" }),
};
