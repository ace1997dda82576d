import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { Option } from "commander";
import { Fault } from "../../fault.ts";
import type { Receipt, StreamRequest } from "../../peer/peer_api.ts";
import { option } from "../options.ts";
import { ClosedOutput, writeAll } from "../output.ts";
import { withProgress } from "../progress.ts";
import { safeJson } from "../sanitize.ts";
import {
  formatDuration,
  formatRate,
  formatSize,
  parseDuration,
  parseRate,
  shortId,
} from "../units.ts";
import { parsing } from "../usage.ts";
import { idOption } from "./id_option.ts";
import type { Verb, VerbCall } from "./verb.ts";

interface GetFlags {
  output?: string;
  id?: string;
  overwrite?: true;
  /** Seconds. */
  deadline?: number;
  wait?: number;
  /** Bytes per second; null is no limit. */
  limitDown?: number | null;
}

/**
 * `get NAME`: prints the receipt, as a line or with `--json` as a Receipt; nothing with `--quiet`
 * alone. With `-o -` standard output is the file's, and the receipt goes to standard error.
 */
export const getVerb: Verb = {
  name: "get",
  arguments: "<NAME>",
  summary: "fetch a file, verified, from all who have it",
  examples: ["get debian.iso", "get debian.iso -o /srv/images/", "get backup.tar -o - | tar x"],
  role: "verb",
  options: () => [
    option("-o, --output <PATH>", "where to put it, a file or a folder; - is standard output"),
    idOption("which content"),
    option("--overwrite", "replace what is at the destination"),
    option("--deadline <DURATION>", "give up after so long: 30s, 10m, 2h")
      .argParser(parsing(parseDeadline)),
    option("--wait <DURATION>", "how long to wait while no source can be reached (default: 60s)")
      .argParser(parsing(parseDeadline)),
    // The variable of that name is the peer's own limit.
    new Option("--limit-down <RATE>", "fetch no more than so many bytes per second: 500K, 2M")
      .argParser(parsing(parseRate)),
  ],
  run(call) {
    return (call.flags as GetFlags).output === "-" ? toStandardOutput(call) : toDisk(call);
  },
};

async function toDisk({ api, args: [name], flags, cwd, output, signal }: VerbCall): Promise<void> {
  const { overwrite, output: path } = flags as GetFlags;
  const target = path && await destination(path, cwd);
  const request = { ...requestOf(name, flags as GetFlags), overwrite, output: target };
  const receipt = await withProgress(
    name,
    output,
    (show) => api.get(request, { signal, onProgress: show }),
  );
  if (output.json) await output.value(receipt);
  else if (!output.quiet) await output.line(describe(receipt));
  for (const line of dropped(receipt)) output.note(line);
}

async function toStandardOutput({ api, args: [name], flags, output, signal }: VerbCall) {
  const request = requestOf(name, flags as GetFlags);
  let closed: ClosedOutput | undefined;
  const stdout = new WritableStream<Uint8Array>({
    async write(bytes) {
      output.begun = true;
      try {
        await writeAll(bytes);
      } catch (error) {
        if (error instanceof ClosedOutput) closed = error;
        throw error;
      }
    },
  });
  try {
    const receipt = await withProgress(
      name,
      output,
      (show) => api.stream(request, stdout, { signal, onProgress: show }),
    );
    if (output.json) output.detail(safeJson(receipt));
    else output.note(describe(receipt));
    for (const line of dropped(receipt)) output.note(line);
  } catch (error) {
    throw closed ?? error;
  }
}

/** An absolute path. Throws a `usage` Fault for a folder (it ends with a slash) that doesn't exist. */
async function destination(path: string, cwd: string): Promise<string> {
  const absolute = resolve(cwd, path);
  const namesFolder = /[/\\]$/.test(path) && path !== absolute;
  if (namesFolder && !(await stat(absolute).catch(() => undefined))?.isDirectory()) {
    throw new Fault("usage", `Cannot write to ${path}: there is no such folder`);
  }
  return absolute;
}

function requestOf(name: string, { id, deadline, wait, limitDown }: GetFlags): StreamRequest {
  const ms = (seconds?: number) => seconds === undefined ? undefined : seconds * 1000;
  return { name, id, deadline: ms(deadline), wait: ms(wait), limit_down: limitDown ?? undefined };
}

/** Seconds. A timer can't be set to more than 2^31 - 1 ms. */
function parseDeadline(text: string): number {
  const seconds = parseDuration(text);
  if (seconds > 24 * 86_400) throw new Fault("usage", `"${text}" is too long: 24 days at most`);
  return seconds;
}

function describe(receipt: Receipt): string {
  const { name, size, seconds, rate, sources, chunks } = receipt;
  const total = chunks.reused + chunks.fetched;
  const used = sources.filter((source) => source.bytes > 0).length;
  const how = receipt.up_to_date ? ["already up to date"] : [
    `in ${formatDuration(seconds)}`,
    `(${formatRate(rate)})`,
    `from ${used} source${used === 1 ? "" : "s"}`,
    ...(chunks.reused > 0 ? [`${chunks.reused} of ${total} chunks were there`] : []),
  ];
  const parts = [name, formatSize(size), ...how, `id ${shortId(receipt.id)}`, receipt.path ?? ""];
  return parts.join("  ").trimEnd();
}

function dropped(receipt: Receipt): string[] {
  return receipt.sources.filter((source) => source.dropped)
    .map((source) => `Dropped source ${source.address}: ${source.dropped}`);
}
