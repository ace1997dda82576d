import { eachPartial } from "./each_partial.ts";
import { idOption } from "./id_option.ts";
import type { Verb } from "./verb.ts";

/** `pause NAME…`: prints what is paused, a line or a PartialStatus each. */
export const pauseVerb: Verb = {
  name: "pause",
  arguments: "<NAME...>",
  summary: "stop downloads for now, until resume or get",
  examples: ["pause debian.iso"],
  role: "verb",
  options: () => [idOption("only this content of that name, the same as NAME@ID")],
  run: (call) => eachPartial(call, { act: "pause", done: "paused", had: "kept" }),
};
