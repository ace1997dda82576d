import { Argument, type Command } from "commander";
import { Fault } from "../../fault.ts";
import { parseDuration } from "../output/units.ts";
import { addOptions, flag, type FlagsOf, flagsOf, option } from "../args/cli_option.ts";
import { addExamples } from "../verbs/verb_command.ts";

/** Options of `install-service` besides those of the service itself. */
const INSTALL_OPTIONS = {
  write: flag("--write", "write the unit, and say what to type next", { variable: null }),
  overwrite: flag("--overwrite", "replace a unit that differs", { variable: null }),
  user: flag("--user", "for your own service manager, not the system's", { variable: null }),
  runAs: option("--run-as <USER>", "run as this user, not as one that exists only meanwhile", {
    variable: null,
    parse: parseUser,
  }),
  name: option("--name <UNIT>", "what to call the unit", { variable: null, parse: parseName }),
  unitDir: option("--unit-dir <DIR>", "where to write it, if elsewhere than where systemd looks", {
    variable: null,
  }),
  exec: option("--exec <FILE>", "the program that it runs, if another than this", {
    variable: null,
  }),
};

/** Of `shoal peer install-service` alone: when to run what is timed. */
const TIMED_OPTIONS = {
  onCalendar: option(
    "--on-calendar <SPEC>",
    "when, for get: daily, 'Mon..Fri 06:30' (default: hourly)",
    { variable: null, parse: parseCalendar },
  ),
  /** In seconds. */
  randomizedDelay: option(
    "--randomized-delay <DURATION>",
    "start up to so much later (default: 5m)",
    { variable: null, parse: parseDuration },
  ),
};

export type InstallFlags =
  & FlagsOf<typeof INSTALL_OPTIONS>
  & Partial<FlagsOf<typeof TIMED_OPTIONS>>;

/** Adds `install-service` to `bootstrap` or `peer`. `act` gets the words of what is to be timed. */
export function addInstallService(
  parent: Command,
  act: (words: string[], flags: InstallFlags) => Promise<void>,
): void {
  const command = parent.command("install-service").summary("make a systemd service of this");
  if (parent.name() === "peer") addTimed(command);
  else {
    command.description(`Print a systemd unit for 'shoal bootstrap'. ${WRITING}`);
    addExamples(command, [
      "shoal bootstrap install-service",
      "shoal bootstrap install-service --port 8001 --write",
    ]);
  }
  addOptions(command, INSTALL_OPTIONS);
  command.action(() => act(command.args, flagsOf(command, INSTALL_OPTIONS)));
}

const WRITING = "With --write it is written, and replaces nothing that differs. Options of the " +
  "command, and variables that are set, become options in the unit.";

function addTimed(command: Command): void {
  command.description(
    `Print a systemd unit for 'shoal peer', or with 'get NAME' a service with a timer, and the line ` +
      `for cron. ${WRITING} Options of 'get' come after '--'.`,
  )
    .addArgument(new Argument("[COMMAND...]", "get NAME: what to do by the clock"));
  addOptions(command, TIMED_OPTIONS);
  addExamples(command, [
    "shoal peer install-service --dir /srv/s --run-as shoal",
    "shoal peer install-service --user --dir ~/d --write",
    "shoal peer install-service --user --dir ~/d -- get db",
  ]);
}

function parseName(text: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9:_.-]{0,199}$/.test(text)) return text;
  throw new Fault("usage", "a unit's name has letters, digits, and :_.- only");
}

function parseUser(text: string): string {
  if (/^(?:[A-Za-z_][A-Za-z0-9_-]{0,30}|\d{1,10})$/.test(text)) return text;
  throw new Fault("usage", "it must be the name or number of a user");
}

function parseCalendar(text: string): string {
  // deno-lint-ignore no-control-regex
  if (/\S/.test(text) && text.length <= 200 && !/[\u0000-\u001f\u007f\\]/.test(text)) return text;
  throw new Fault("usage", "it must be a time as in systemd.time(7), such as daily or 03:15");
}
