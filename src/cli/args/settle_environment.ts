import type { Command } from "commander";
import { UsageFault, walkCommands } from "../output/usage.ts";

/**
 * Makes the environment mean what people mean by it: an empty variable is unset, and a switch can be
 * `0` or `false`. commander takes every variable that exists as given. Throws a UsageFault.
 */
export function settleEnvironment(program: Command): void {
  const options = [...walkCommands(program)].flatMap((command) => command.options);
  for (const { envVar, required, optional } of options) {
    const value = envVar && Deno.env.get(envVar);
    if (!envVar || value === undefined) continue;
    const takesValue = required || optional;
    if (value === "" || !takesValue && /^(0|false|no|off)$/i.test(value)) Deno.env.delete(envVar);
    else if (!takesValue && !/^(1|true|yes|on)$/i.test(value)) {
      throw new UsageFault(`${envVar} must be 1 or 0, not '${value}'`, `${program.name()} --help`);
    }
  }
}
