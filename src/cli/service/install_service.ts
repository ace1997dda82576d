import type { Command } from "commander";
import { homedir } from "node:os";
import { Fault } from "../../fault.ts";
import type { BootstrapFlags } from "../args/bootstrap_options.ts";
import type { PeerFlags } from "../args/options.ts";
import { Output } from "../output/output.ts";
import { sanitize } from "../output/sanitize.ts";
import { UsageFault } from "../output/usage.ts";
import type { InstallFlags } from "../program/add_install_service.ts";
import { cronLine } from "./cron_line.ts";
import { givenDir, planGet, type PlannedGet } from "./plan_get.ts";
import { type ServicePlan, servingUnit, STATE_ROOT, timedUnits } from "./service_units.ts";
import { serviceWords } from "./service_words.ts";
import { type Unit, unitText } from "./unit_file.ts";
import { writeUnits, type WrittenUnit } from "./write_units.ts";
import { absolutePath, isAbsolute } from "../../system/paths.ts";

/** Most seconds by which a timed start is late, by default. */
const RANDOMIZED_DELAY = 300;

interface Prepared {
  units: Unit[];
  cron?: string;
}

/**
 * `install-service`: prints the units, or with `--write` writes them and says what to type next. With
 * `--json` as `{"units": [{"path", "text"}], "cron", "commands", "written"}`. Throws Faults: `usage`,
 * `destination` for a unit that differs, `disk`.
 */
export async function installService(
  parent: Command,
  words: string[],
  flags: InstallFlags,
): Promise<void> {
  const output = new Output(parent.opts());
  if (flags.write && flags.unitDir === undefined && Deno.build.os !== "linux") {
    throw new Fault("usage", "Cannot write the unit: only Linux has systemd");
  }
  const { units, cron } = await prepare(parent, words, flags);
  const folder = unitFolder(flags);
  const written = flags.write
    ? writeUnits(folder, units, {
      overwrite: flags.overwrite === true,
      create: flags.user === true && flags.unitDir === undefined,
    })
    : undefined;
  const commands = commandsFor(units.at(-1)!.name, flags, written);
  if (output.json) {
    const texts = units.map((unit) => ({ path: `${folder}/${unit.name}`, text: unitText(unit) }));
    return await output.value({ units: texts, cron, commands, written: written !== undefined });
  }
  if (written) {
    for (const { path, before } of written) {
      await output.line(`${path}  ${WRITTEN[before]}`);
    }
    output.note("Now type:");
    for (const command of commands) output.note(`  ${command}`);
    return;
  }
  const texts = units.map((unit) => `# ${folder}/${unit.name}\n${unitText(unit)}`);
  if (cron !== undefined) texts.push(`# The same for cron:\n# ${sanitize(cron)}\n`);
  await output.raw(texts.join("\n"));
  output.note("Nothing was written; --write does that.");
}

const WRITTEN = { missing: "written", same: "unchanged", other: "replaced" } as const;

async function prepare(parent: Command, words: string[], flags: InstallFlags): Promise<Prepared> {
  // Another user's config file is elsewhere, so what stands in this one is spelled out.
  const implicit = !flags.user && parent.getOptionValueSource("config") === undefined;
  const given = serviceWords(parent, ["cli", "env", ...implicit ? ["config"] as const : []]);
  if (words.length === 0) {
    refuseTiming(flags);
    return { units: [servingUnit(planOf(parent, flags, { given }))] };
  }
  const get = await planGet([...given, ...words]);
  const plan = planOf(parent, flags, { given, words, get });
  const { onCalendar: calendar = "hourly", randomizedDelay = RANDOMIZED_DELAY } = flags;
  const secret = plan.swarmKey === undefined ? [] : ["--swarm-key", plan.swarmKey];
  return {
    units: timedUnits(plan, { calendar, randomizedDelay }),
    cron: cronLine(calendar, [plan.program, ...plan.words, ...secret]),
  };
}

function planOf(
  parent: Command,
  flags: InstallFlags,
  { given, words = [], get }: { given: string[]; words?: string[]; get?: PlannedGet },
): ServicePlan {
  const role = parent.name();
  const options: PeerFlags | BootstrapFlags = get?.flags ?? parent.opts();
  const name = flags.name ?? (get ? `shoal-get-${unitName(get.names[0] ?? "")}` : `shoal-${role}`);
  const dir = get?.dir ?? givenDir(parent);
  if (role === "peer") requireFolder(dir, flags);
  const ownFolder = role === "peer" && dir === undefined;
  const folder = ownFolder ? ["--dir", `${STATE_ROOT}/${name}`] : [];
  const { swarmKey } = options;
  return {
    name,
    ownFolder,
    user: flags.user === true,
    runAs: flags.runAs,
    description: get ? `Shoal: get ${get.names.join(", ")}` : `Shoal ${role}`,
    program: programOf(flags),
    words: [role, ...given, ...folder, ...words],
    writable: [...dir === undefined ? [] : [dir], ...get?.writable ?? []],
    readable: options.config === undefined ? [] : [absolutePath(options.config)],
    swarmKey: swarmKey === undefined ? undefined : absolutePath(swarmKey),
    lowPort: !get && options.port > 0 && options.port < 1024,
  };
}

/** Throws a `usage` Fault when the service could not write to its folder, or has none. */
function requireFolder(dir: string | undefined, { user, runAs }: InstallFlags): void {
  if (user && dir === undefined) {
    throw new Fault("usage", "Cannot make the unit: --user needs --dir, the folder that it shares");
  }
  if (!user && dir !== undefined && runAs === undefined) {
    throw new Fault(
      "usage",
      `Cannot make the unit: name with --run-as the user that may write to ${dir}`,
    );
  }
}

function refuseTiming({ onCalendar, randomizedDelay }: InstallFlags): void {
  if ((onCalendar ?? randomizedDelay) === undefined) return;
  const option = onCalendar === undefined ? "--randomized-delay" : "--on-calendar";
  throw new UsageFault(`${option} is for 'get NAME'`, "shoal peer install-service --help");
}

/** The program that the unit starts: an absolute path. */
function programOf({ exec }: InstallFlags): string {
  if (exec !== undefined) return absolutePath(exec);
  if (Deno.build.standalone) return Deno.execPath();
  const why = "this runs from source, so name the program with --exec";
  throw new Fault("usage", `Cannot make the unit: ${why}`);
}

/**
 * The folder in which systemd looks for units that are made by hand (systemd.unit(5)): an absolute
 * path.
 */
function unitFolder({ unitDir, user }: InstallFlags): string {
  if (unitDir !== undefined) return absolutePath(unitDir);
  if (!user) return "/etc/systemd/system";
  const xdg = Deno.env.get("XDG_CONFIG_HOME");
  return `${xdg && isAbsolute(xdg) ? xdg : `${homedir()}/.config`}/systemd/user`;
}

/** A file's name made fit for that of a unit. */
function unitName(name: string): string {
  return name.replace(/[^A-Za-z0-9:_.-]+/g, "-").replace(/^[-.]+|[-.]+$/g, "").slice(0, 100) ||
    "file";
}

/** The commands to type once the units are in place. */
function commandsFor(unit: string, { user }: InstallFlags, written?: WrittenUnit[]): string[] {
  const systemctl = user ? "systemctl --user" : "systemctl";
  const replaced = written?.some(({ before }) => before === "other");
  return [
    `${systemctl} daemon-reload`,
    `${systemctl} enable --now ${unit}`,
    ...replaced ? [`${systemctl} try-restart ${unit}`] : [],
    ...user ? ["loginctl enable-linger"] : [],
  ];
}
