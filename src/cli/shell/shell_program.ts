import { Command } from "commander";
import { addOptions, flagsOf } from "../args/cli_option.ts";
import { OUTPUT_OPTIONS, type OutputFlags } from "../args/common_options.ts";
import { HELP_LAYOUT } from "../output/help_layout.ts";
import { addVerb, type VerbLine } from "../verbs/verb_command.ts";
import { VERBS } from "../verbs/all.ts";

interface ShellHandlers {
  verb(line: VerbLine, flags: OutputFlags): Promise<void>;
  exit(): void;
}

/** The commands of a peer's shell: the verbs, `help` and `exit`. One tree is made for each line. */
export function buildShellProgram(handlers: ShellHandlers): Command {
  const program = new Command("shoal>")
    .usage("COMMAND [options]")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [COMMAND]", "print help for a command")
    .configureHelp(HELP_LAYOUT);
  addOptions(program, OUTPUT_OPTIONS);
  for (const verb of VERBS) {
    addVerb(program, verb, {
      prefix: "",
      once: false,
      act: (line) => handlers.verb(line, flagsOf(program, OUTPUT_OPTIONS)),
    });
  }
  program.command("exit").alias("quit").description("stop the peer").action(handlers.exit);
  return program;
}
