import { examine } from "./peers/examine.ts";
import { fault, type Finding, ok } from "../peer/api/finding.ts";
import { readConfigFile } from "./config/config_file.ts";
import { knownKeys } from "./config/config_keys.ts";
import { configPath } from "./config/config_path.ts";
import { EXIT, type ExitCode } from "./output/exit_code.ts";
import { startLogging } from "./config/logging.ts";
import { type PeerFlags, settingsOf } from "./args/options.ts";
import { Output } from "./output/output.ts";
import type { Stop } from "./process/stop.ts";

/** Kinds of faults, the worst first: that of the worst fault is what the doctor ends with. */
const WORST = ["integrity", "disk", "usage", "held", "network"] as const;

/**
 * `shoal peer doctor`: a line for each thing that was looked at, with `--quiet` only for those that
 * are not ok, with `--json` as `{"findings": Finding[], "exit"}`. Warnings alone are exit code 0.
 */
export async function doctor(flags: PeerFlags, stop: Stop): Promise<ExitCode> {
  const output = new Output({ ...flags, signal: stop.signal });
  await startLogging(flags, "error");
  const findings = [
    await checkConfig(flags.config),
    ...await examine(settingsOf(flags), stop.signal),
  ];
  const exit = exitOf(findings);
  if (output.json) await output.value({ findings, exit });
  else for (const one of findings) if (!output.quiet || one.level !== "ok") await say(one, output);
  return exit;
}

async function say({ level, check, message, remedy }: Finding, output: Output): Promise<void> {
  const help = remedy === undefined ? "" : `: ${remedy}`;
  await output.line(`${level.padEnd(7)}  ${check.padEnd(10)}  ${message}${help}`);
}

/** The exit code for what was found. */
export function exitOf(findings: Finding[]): ExitCode {
  const kinds = findings.flatMap((one) => one.level === "fault" ? one.kind : []);
  const worst = WORST.find((kind) => kinds.includes(kind)) ?? kinds[0];
  return worst === undefined ? EXIT.ok : EXIT[worst];
}

async function checkConfig(given: string | undefined): Promise<Finding> {
  const path = configPath(given);
  if (path === undefined) return ok("config", "there is no place for a config file");
  try {
    const { exists } = await readConfigFile(path, knownKeys());
    return ok("config", exists ? `${path} is valid` : `${path} is not there, and needn't be`);
  } catch (error) {
    return fault("config", error, "mend that line; a peer that runs goes on as it was");
  }
}
