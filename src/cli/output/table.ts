import { sanitize } from "./sanitize.ts";

/** Rows shown with the same column widths; a listing of any length never holds more. */
const BATCH = 1_000;

/** No lines at all: columns are told apart by blanks, as awk likes it. */
const BARE = Object.fromEntries(
  ["top", "bottom", "left", "right", "mid"].flatMap((side) =>
    side === "mid"
      ? ["mid", "left-mid", "mid-mid", "right-mid", "middle"].map((part) => [part, ""])
      : [side, `${side}-mid`, `${side}-left`, `${side}-right`].map((part) => [part, ""])
  ),
);

/**
 * Lays out rows of cells in columns under a header, without borders, and wide characters counted as
 * wide. Cells are sanitized; those of all columns but the last should have no blanks in them, so that
 * `awk` can pick columns. Returns lines without a final newline; an empty string for no rows.
 */
export async function formatTable(
  header: string[],
  rows: string[][],
  options: { showHeader?: boolean } = {},
): Promise<string> {
  if (rows.length === 0) return "";
  const { default: Table } = await import("cli-table3");
  const table = new Table({
    chars: BARE,
    style: { head: [], border: [], compact: true, "padding-left": 0, "padding-right": 2 },
  });
  // Widths count the header even where it isn't shown.
  table.push(header, ...rows.map((row) => row.map((cell) => sanitize(cell) || "-")));
  const lines = table.toString().split("\n").map((line) => line.trimEnd());
  return lines.slice(options.showHeader === false ? 1 : 0).join("\n");
}

/** The same for rows that keep coming: yields pieces of up to {@link BATCH} rows, with a newline. */
export async function* formatTableStream(
  header: string[],
  rows: AsyncIterable<string[]>,
): AsyncGenerator<string> {
  let batch: string[][] = [];
  let showHeader = true;
  for await (const row of rows) {
    batch.push(row);
    if (batch.length < BATCH) continue;
    yield await formatTable(header, batch, { showHeader }) + "\n";
    showHeader = false;
    batch = [];
  }
  if (batch.length > 0) yield await formatTable(header, batch, { showHeader }) + "\n";
}
