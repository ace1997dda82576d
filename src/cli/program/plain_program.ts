import type { Command } from "commander";
import { buildProgram } from "./program.ts";

/** The command tree, whose commands do nothing: for readers of the tree. */
export function plainProgram(): Command {
  const nothing = () => Promise.resolve();
  return buildProgram({
    bootstrap: nothing,
    newKey: nothing,
    peer: nothing,
    verb: nothing,
    config: nothing,
    completion: nothing,
    installService: nothing,
    doctor: nothing,
    adoptState: nothing,
  });
}
