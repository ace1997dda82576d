import type { ListedFile } from "../../peer/peer_api.ts";
import { safeJson } from "../sanitize.ts";
import { formatTableStream } from "../table.ts";
import { formatSize, formatTime, shortId } from "../units.ts";
import type { Verb } from "./verb.ts";

const HEADER = ["ID", "SIZE", "ENTRIES", "SOURCES", "MODIFIED", "PUBLISHER", "TRUST", "NAME"];

/**
 * `list-files [PATTERN]`: a row per file or folder, or with `--json` an array of ListedFile. Both are written
 * as the listing arrives, so its length costs no memory; an array that breaks off is a failed one.
 */
export const listFilesVerb: Verb = {
  name: "list-files",
  arguments: "[PATTERN]",
  summary: "list what the swarm offers; PATTERN is a glob such as '*.iso' or 'talks/**'",
  examples: ["list-files", "list-files '*.iso'", "list-files 'talks/**' --json"],
  role: "query",
  async run({ api, args: [pattern], output, signal }) {
    const files = untilAborted(api.listFiles(pattern), signal);
    if (output.json) {
      for await (const file of files) {
        await output.raw((output.begun ? ",\n" : "[") + safeJson({ kind: "file", ...file }));
      }
      return await output.raw(output.begun ? "]\n" : "[]\n");
    }
    for await (const piece of formatTableStream(HEADER, rows(files))) await output.raw(piece);
    if (!output.begun) output.note("No files are offered.");
  },
};

async function* untilAborted(files: AsyncIterable<ListedFile>, signal: AbortSignal) {
  for await (const file of files) {
    signal.throwIfAborted();
    yield file;
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
