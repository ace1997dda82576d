import { EXIT } from "../output/exit_code.ts";
import { eachPartial, PARTIAL_OPTIONS } from "./each_partial.ts";
import type { Verb } from "./verb.ts";

/** `resume NAME…`: prints what resumes, a line or a PartialStatus each. */
export const resumeVerb: Verb<typeof PARTIAL_OPTIONS> = {
  name: "resume",
  arguments: "<NAME...>",
  summary: "go on with downloads that were paused",
  examples: ["resume debian.iso"],
  role: "verb",
  options: PARTIAL_OPTIONS,
  async run(call) {
    const exit = await eachPartial(call, { act: "resume", done: "resumed", had: "there" });
    if (!call.serving && exit === EXIT.ok) {
      call.output.note("No peer runs for this folder: it goes on when one does.");
    }
    return exit;
  },
};
