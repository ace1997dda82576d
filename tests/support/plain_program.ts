import { buildProgram } from "../../src/cli/program/program.ts";

/** The command tree, whose commands do nothing. */
export function plainProgram() {
  const nothing = () => Promise.resolve();
  return buildProgram({
    ...{ bootstrap: nothing, newKey: nothing, peer: nothing, verb: nothing, config: nothing },
    completion: nothing,
    ...{ installService: nothing, doctor: nothing, adoptState: nothing },
  });
}
