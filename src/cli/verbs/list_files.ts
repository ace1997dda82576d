import { Fault } from "../../fault.ts";
import type { ListedFile, QueryApi } from "../../peer/api/peer_api.ts";
import { abortable } from "../../async/retry.ts";
import { flag } from "../args/cli_option.ts";
import { safeJson } from "../output/sanitize.ts";
import { formatTableStream } from "../output/table.ts";
import { typedName } from "../args/typed_name.ts";
import { formatSize, formatTime, shortId } from "../output/units.ts";
import type { Verb } from "./verb.ts";

const HEADER = ["ID", "SIZE", "ENTRIES", "SOURCES", "MODIFIED", "PUBLISHER", "TRUST", "NAME"];

const OPTIONS = {
  all: flag(
    "--all",
    "list all, however many: a listing ends at 10,000, on a terminal without a pager at 1,000",
  ),
  versions: flag("--versions", "every version of the file called PATTERN that still has a source"),
};

/** Files that a listing has without `--all`, where no pager keeps it to what is looked at. */
const MOST = 10_000;
/** The same on a terminal without a pager. */
const MOST_ON_TERMINAL = 1_000;

/**
 * `list-files [PATTERN]`: a row per file or folder, or with `--json` an array of ListedFile. Both are written
 * as the listing arrives, so its length costs no memory; an array that breaks off is a failed one.
 */
export const listFilesVerb: Verb<typeof OPTIONS> = {
  name: "list-files",
  arguments: "[PATTERN]",
  summary: "list what the swarm offers; PATTERN is a glob such as '*.iso' or 'talks/**'",
  examples: [
    "list-files",
    "list-files '*.iso'",
    "list-files 'talks/**' --json",
    "list-files --versions debian.iso",
  ],
  role: "query",
  options: OPTIONS,
  async run({ api, args: [word], flags: { all, versions }, output, signal }) {
    const pattern = word && typedName(word);
    if (versions && pattern === undefined) {
      throw new Fault("usage", "Cannot list versions: name the file");
    }
    const list = versions && pattern !== undefined
      ? versionsOf(api, pattern)
      : api.listFiles(pattern);
    const optional = ["MODIFIED", "ENTRIES", "PUBLISHER", "TRUST", "SOURCES", "ID"];
    const { columns } = output;
    let isCut = false;
    await output.atLength(async (isPaged) => {
      const most = all || isPaged ? Infinity : columns === undefined ? MOST : MOST_ON_TERMINAL;
      const files = firstOf(untilAborted(list, signal), most, () => isCut = true);
      if (!output.json) {
        const pieces = formatTableStream(HEADER, rows(files), { columns, optional });
        for await (const piece of pieces) await output.raw(piece);
        return;
      }
      for await (const file of files) {
        await output.raw((output.begun ? ",\n" : "[") + safeJson({ kind: "file", ...file }));
      }
      await output.raw(output.begun ? "]\n" : "[]\n");
    });
    if (!output.begun) output.note("No files are offered.");
    if (!isCut) return;
    output.note("There are more files.");
    output.note("next: list fewer with a PATTERN, or all with --all");
  },
};

/** The first files; `onMore` is called if there are others. */
async function* firstOf(files: AsyncGenerator<ListedFile>, most: number, onMore: () => void) {
  let left = most;
  for await (const file of files) {
    if (left-- <= 0) return onMore();
    yield file;
  }
}

async function* versionsOf(api: QueryApi, name: string): AsyncGenerator<ListedFile> {
  yield* await api.listVersions(name);
}

/** Ends with the signal's reason at once, though the next file may be a bootstrap's silence away. */
async function* untilAborted(files: AsyncGenerator<ListedFile>, signal: AbortSignal) {
  try {
    for (;;) {
      const { done, value } = await abortable(files.next(), signal);
      if (done) return;
      yield value;
    }
  } finally {
    // It ends when what it waits for does.
    files.return(undefined).catch(() => {});
  }
}

async function* rows(files: AsyncIterable<ListedFile>): AsyncGenerator<string[]> {
  for await (const file of files) {
    yield [
      shortId(file.id),
      formatSize(file.kind === "folder" ? file.bytes ?? 0 : file.size).replace(" ", ""),
      file.kind === "folder" ? String(file.entries ?? 0) : "-",
      String(file.sources),
      formatTime(file.mtime),
      shortId(file.publisher),
      file.trust,
      file.kind === "folder" ? `${file.name}/` : file.name,
    ];
  }
}
