import { EXIT } from "../output/exit_code.ts";
import { hardening } from "./hardening.ts";
import { systemdBarePath, systemdProgram, systemdText, systemdWord } from "./systemd_words.ts";
import type { Unit, UnitLine } from "./unit_file.ts";

/** Failures that another try won't mend. */
const PERMANENT = [EXIT.usage, EXIT.integrity, EXIT.destination, EXIT.disk, EXIT.ambiguous];

/** The folder in which systemd makes those of services (systemd.exec(5), StateDirectory=). */
export const STATE_ROOT = "/var/lib";

/** The name of the secret in the folder that systemd makes for secrets. */
const CREDENTIAL = "swarm.key";

/** A command that is to run as a service. */
export interface ServicePlan {
  /** Unit name, without its ending. */
  name: string;
  description: string;
  /** The program: an absolute path. */
  program: string;
  /** Its words, paths among them absolute. */
  words: string[];
  /** For the service manager of a user, not of the system. */
  user: boolean;
  /** The user in a system unit; by default one that exists only while the service runs. */
  runAs?: string;
  /** It keeps its things in a folder of its own, {@link STATE_ROOT} and its name. */
  ownFolder: boolean;
  /** Other folders that it writes to. */
  writable: string[];
  /** Files that it reads. */
  readable: string[];
  /** The file of a swarm key, read by root and passed on: the service's user need not see it. */
  swarmKey?: string;
  lowPort: boolean;
}

/** The schedule of a command. */
interface Schedule {
  /** OnCalendar=, as systemd.time(7) has it. */
  calendar: string;
  /** Most seconds that a start is late by chance. */
  randomizedDelay: number;
}

/** The unit of something that serves. */
export function servingUnit(plan: ServicePlan): Unit {
  return {
    name: `${plan.name}.service`,
    sections: {
      Unit: unitSection(plan),
      Service: [
        ["Type", "notify"],
        ["NotifyAccess", "main"],
        ...execution(plan),
        ["ExecReload", "/bin/kill -HUP $MAINPID"],
        ["StandardInput", "null"],
        ["Restart", "on-failure"],
        ["RestartSec", "5s"],
        "# Exit codes that a restart doesn't mend.",
        ["RestartPreventExitStatus", PERMANENT.join(" ")],
        "# An orderly stop by SIGTERM.",
        ["SuccessExitStatus", "143"],
        ["WatchdogSec", "60s"],
        ["TimeoutStopSec", "30s"],
        ["LimitNOFILE", "65536"],
        ...hardening(plan),
      ],
      Install: [["WantedBy", plan.user ? "default.target" : "multi-user.target"]],
    },
  };
}

/** The units of something that is run again and again: a service, and its timer. */
export function timedUnits(plan: ServicePlan, { calendar, randomizedDelay }: Schedule): Unit[] {
  return [
    {
      name: `${plan.name}.service`,
      sections: {
        Unit: unitSection(plan),
        Service: [
          ["Type", "oneshot"],
          ...execution(plan),
          ["StandardInput", "null"],
          ["Restart", "on-failure"],
          ["RestartSec", "10min"],
          "# Exit codes that another try doesn't mend.",
          ["RestartPreventExitStatus", PERMANENT.join(" ")],
          ["TimeoutStopSec", "30s"],
          ["LimitNOFILE", "65536"],
          ...hardening(plan),
        ],
      },
    },
    {
      name: `${plan.name}.timer`,
      sections: {
        Unit: [["Description", `${systemdText(plan.description)}, by the clock`]],
        Timer: [
          ["OnCalendar", systemdText(calendar)],
          ["RandomizedDelaySec", `${randomizedDelay}s`],
          "# What was missed while the machine was off is made up for.",
          ["Persistent", "yes"],
        ],
        Install: [["WantedBy", "timers.target"]],
      },
    },
  ];
}

function unitSection({ description, user }: ServicePlan): UnitLine[] {
  const line: UnitLine = ["Description", systemdText(description)];
  // A user's manager knows nothing of the system's network.
  if (user) return [line];
  return [line, ["Wants", "network-online.target"], ["After", "network-online.target"]];
}

function execution(plan: ServicePlan): UnitLine[] {
  const { name, program, words, user, runAs, ownFolder, swarmKey } = plan;
  const lines: UnitLine[] = [];
  let command = [systemdProgram(program), ...words.map(systemdWord)].join(" ");
  if (swarmKey !== undefined && user) command += ` --swarm-key ${systemdWord(swarmKey)}`;
  else if (swarmKey !== undefined) {
    command += ` --swarm-key \${CREDENTIALS_DIRECTORY}/${CREDENTIAL}`;
    lines.push(["LoadCredential", `${CREDENTIAL}:${systemdBarePath(swarmKey)}`]);
  }
  lines.unshift(["ExecStart", command]);
  if (user) return lines;
  lines.push(runAs === undefined ? ["DynamicUser", "yes"] : ["User", runAs]);
  if (ownFolder) lines.push(["StateDirectory", name]);
  return lines;
}
