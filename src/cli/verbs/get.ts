import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { InvalidArgumentError, Option } from "commander";
import { Fault, quoted } from "../../fault.ts";
import type { GetRequest, Receipt, StreamRequest } from "../../peer/peer_api.ts";
import { choosingCandidate } from "../choose_candidate.ts";
import { option } from "../options.ts";
import { ClosedOutput, writeAll } from "../output.ts";
import { pinnedName } from "../pinned_name.ts";
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
import { publisherOption } from "./publisher_option.ts";
import type { Verb, VerbCall } from "./verb.ts";

interface GetFlags {
  output?: string;
  id?: string;
  publisher?: string;
  /** SHA-256: 64 hex digits. */
  checksum?: string;
  overwrite?: true;
  update?: true;
  delete?: true;
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
  summary: "fetch a file, a folder or a part of one, verified, from all who have it",
  examples: [
    "get debian.iso",
    "get debian.iso -o /srv/images/",
    "get backup.tar -o - | tar x",
    "get debian.iso@2ab049f5a04a",
    "get debian.iso --publisher 3d5464ed1b6b",
    "get debian.iso --checksum sha256=$(cut -d' ' -f1 debian.iso.sha256)",
    "get photos --update --delete",
    "get photos/2026/beach.jpg",
  ],
  role: "verb",
  options: () => [
    option("-o, --output <PATH>", "where to put it, a file or a folder; - is standard output"),
    idOption("which content, the same as NAME@ID"),
    publisherOption("whose; default the one who is remembered for the name"),
    option("--checksum <sha256=HEX>", "what the SHA-256 of the whole file must be")
      .argParser(parseChecksum),
    option("--overwrite", "replace what is at the destination"),
    option("--update", "bring what is at the destination up to date: of a folder, what changed"),
    option("--delete", "with --update: remove from a folder what is no longer in it"),
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

async function toDisk(call: VerbCall): Promise<void> {
  const { api, args: [word], flags, cwd, output, signal } = call;
  const { overwrite, update, delete: cleaned, output: path } = flags as GetFlags;
  if (cleaned && !update) throw new Fault("usage", "Cannot use --delete without --update");
  const target = path && await destination(path, cwd);
  const wanted: GetRequest = {
    ...requestOf(word, flags as GetFlags),
    ...{ overwrite, update, delete: cleaned },
    output: target || undefined,
  };
  const receipt = await choosingCandidate(wanted, (request) =>
    withProgress(
      request.name,
      output,
      (show) => api.get(request, { signal, onProgress: show }),
    ), call);
  if (output.json) await output.value(receipt);
  else if (!output.quiet) await output.line(describe(receipt));
  for (const { path, why } of receipt.left_out ?? []) output.note(`Left out ${path}: ${why}`);
  for (const line of notesOn(receipt)) output.note(line);
}

async function toStandardOutput(call: VerbCall): Promise<void> {
  const { api, args: [word], flags, output, signal } = call;
  let closed: ClosedOutput | undefined;
  const sink = (): UnderlyingSink<Uint8Array> => ({
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
    const receipt = await choosingCandidate(requestOf(word, flags as GetFlags), (request) => {
      const stdout = new WritableStream(sink());
      return withProgress(
        request.name,
        output,
        (show) => api.stream(request, stdout, { signal, onProgress: show }),
      );
    }, call);
    if (output.json) output.detail(safeJson(receipt));
    else output.note(describe(receipt));
    for (const line of notesOn(receipt)) output.note(line);
  } catch (error) {
    throw closed ?? error;
  }
}

/**
 * An absolute path; what ends with a slash still does. Throws a `usage` Fault for such a folder that
 * doesn't exist.
 */
async function destination(path: string, cwd: string): Promise<string> {
  const absolute = resolve(cwd, path);
  const namesFolder = /[/\\]$/.test(path) && path !== absolute;
  if (namesFolder && !(await stat(absolute).catch(() => undefined))?.isDirectory()) {
    throw new Fault("usage", `Cannot write to ${path}: there is no such folder`);
  }
  return namesFolder ? `${absolute}/` : absolute;
}

function requestOf(word: string, flags: GetFlags): StreamRequest {
  const { id, publisher, checksum, deadline, wait, limitDown } = flags;
  const ms = (seconds?: number) => seconds === undefined ? undefined : seconds * 1000;
  return {
    ...pinnedName(word, id),
    publisher,
    sha256: checksum,
    deadline: ms(deadline),
    wait: ms(wait),
    limit_down: limitDown ?? undefined,
  };
}

/** The 64 hex digits. */
function parseChecksum(text: string): string {
  const hex = /^sha256=([0-9a-f]{64})$/i.exec(text)?.[1];
  if (!hex) throw new InvalidArgumentError("It must be sha256= and 64 hex digits.");
  return hex.toLowerCase();
}

/** Seconds. A timer can't be set to more than 2^31 - 1 ms. */
function parseDeadline(text: string): number {
  const seconds = parseDuration(text);
  if (seconds > 24 * 86_400) {
    throw new Fault("usage", `${quoted(text)} is too long: 24 days at most`);
  }
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
    ...(chunks.reused > 0 && receipt.kind === "file"
      ? [`${chunks.reused} of ${total} chunks were there`]
      : []),
  ];
  const parts = [
    name,
    formatSize(size),
    ...how,
    ...filesOf(receipt),
    `id ${shortId(receipt.id)}`,
    receipt.path ?? "",
  ];
  return parts.join("  ").trimEnd();
}

/** What became of the files of a folder; nothing for a file. */
function filesOf({ files }: Receipt): string[] {
  if (!files) return [];
  const { fetched, copied, unchanged, deleted } = files;
  const counts = [
    ...(fetched > 0 ? [`${fetched} fetched`] : []),
    ...(copied > 0 ? [`${copied} copied`] : []),
    ...(unchanged > 0 ? [`${unchanged} unchanged`] : []),
    ...(deleted > 0 ? [`${deleted} deleted`] : []),
  ];
  return [`files: ${counts.join(", ") || "none"}`];
}

function notesOn({ name, trust, sources }: Receipt): string[] {
  const dropped = sources.filter((source) => source.dropped)
    .map((source) => `Dropped source ${source.address}: ${source.dropped}`);
  if (trust !== "none") return dropped;
  return [`Nobody signed for ${name}: it came from a seed peer.`, ...dropped];
}
