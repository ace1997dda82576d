import type { Candidate } from "../../peer/api/peer_api.ts";
import { failureCode } from "./exit_code.ts";
import { columnsOf } from "./terminal.ts";
import { formatTable } from "./table.ts";
import { formatAge, formatSize, shortId } from "./units.ts";

const HEADER = ["ID", "PUBLISHER", "SIZE", "AGE", "SOURCES", "NAME"];

/** The candidates of an ambiguous name, if that is the failure. */
export function candidatesOf(error: unknown): Candidate[] | undefined {
  return failureCode(error) === "ambiguous" && Array.isArray((error as Error).cause)
    ? (error as Error).cause as Candidate[]
    : undefined;
}

/** A row for each, with a number in front if they are to be chosen from. */
export function candidateTable(
  candidates: Candidate[],
  { numbered = false }: { numbered?: boolean } = {},
): Promise<string> {
  const rows = candidates.map((one) => [
    shortId(one.id),
    shortId(one.publisher),
    formatSize(one.size).replace(" ", ""),
    formatAge(one.time, Date.now()),
    String(one.sources),
    one.name,
  ]);
  const options = { columns: columnsOf(Deno.stderr), optional: ["SIZE", "SOURCES"] };
  if (!numbered) return formatTable(HEADER, rows, options);
  const numbers = rows.map((row, index) => [`${index + 1})`, ...row]);
  return formatTable(["", ...HEADER], numbers, options);
}
