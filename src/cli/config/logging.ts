import { configure, getJsonLinesFormatter, getTextFormatter } from "@logtape/logtape";
import type { LogFlags, LogLevel } from "../args/common_options.ts";
import { writeError } from "../output/output.ts";
import { escapeJson, sanitize } from "../output/sanitize.ts";

/**
 * Sends what the program logs, under the category `shoal`, to standard error. `level` holds unless
 * the flags say another; `after` is called after each line.
 */
export async function startLogging(
  flags: LogFlags,
  level: LogLevel,
  after: () => void = () => {},
): Promise<void> {
  const lowest = flags.logLevel ?? level;
  const json = flags.logFormat === "json";
  const safe = json ? escapeJson : sanitize;
  const format = json ? getJsonLinesFormatter() : getTextFormatter({
    timestamp: "rfc3339",
    level: "full",
    category: ".",
    value: (value, inspect) => typeof value === "string" ? value : inspect(value),
  });
  await configure({
    reset: true,
    sinks: {
      stderr(record) {
        writeError(safe(format(record).trimEnd()));
        after();
      },
    },
    loggers: [
      { category: "shoal", sinks: ["stderr"], lowestLevel: lowest === "off" ? null : lowest },
      { category: ["logtape", "meta"], sinks: ["stderr"], lowestLevel: "error" },
    ],
  });
}
