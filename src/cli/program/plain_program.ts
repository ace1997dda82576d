import type { Command } from "commander";
import { buildProgram, type Handlers } from "./program.ts";

/** The command tree, whose commands do nothing but what `acting` says: for readers of the tree. */
export function plainProgram(acting: Partial<Handlers> = {}): Command {
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
    send: nothing,
    receive: nothing,
    ...acting,
  });
}
