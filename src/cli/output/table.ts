import { sanitize } from "./sanitize.ts";

/** Rows shown with the same column widths; a listing of any length never holds more. */
const BATCH = 1_000;
/** Blanks between columns. */
const GAP = 2;

export interface TableOptions {
  /** Default true. */
  showHeader?: boolean;
  /** Columns of the terminal; undefined is any number. */
  columns?: number | undefined;
  /** Titles of the columns that are left out where there isn't room, the first one first. */
  optional?: readonly string[];
}

/**
 * Lays out rows of cells in columns under a header, without borders, and wide characters counted as
 * wide. Cells are sanitized; those of all columns but the last should have no blanks in them, so that
 * `awk` can pick columns. Returns lines without a final newline; an empty string for no rows.
 */
export async function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  options: TableOptions = {},
): Promise<string> {
  if (rows.length === 0) return "";
  const cells = [header, ...rows.map((row) => row.map((cell) => sanitize(cell) || "-"))];
  const titles = await fittingTitles(header, cells, options);
  return await layOut(header, cells, { ...options, titles });
}

/** The same for rows that keep coming: yields pieces of up to {@link BATCH} rows, with a newline. */
export async function* formatTableStream(
  header: readonly string[],
  rows: AsyncIterable<string[]>,
  options: TableOptions = {},
): AsyncGenerator<string> {
  let batch: string[][] = [];
  let titles: readonly string[] | undefined;
  const format = async () => {
    const cells = [header, ...batch.map((row) => row.map((cell) => sanitize(cell) || "-"))];
    const showHeader = titles === undefined;
    // The first rows decide for all.
    titles ??= await fittingTitles(header, cells, options);
    batch = [];
    return await layOut(header, cells, { showHeader, titles }) + "\n";
  };
  for await (const row of rows) {
    batch.push(row);
    if (batch.length === BATCH) yield await format();
  }
  if (batch.length > 0) yield await format();
}

/** The titles of those columns that are shown. */
async function fittingTitles(
  header: readonly string[],
  cells: readonly (readonly string[])[],
  { columns, optional = [] }: TableOptions,
): Promise<readonly string[]> {
  if (columns === undefined) return header;
  const { displayWidth } = await import("./display_width.ts");
  const widths = header.map((_, at) =>
    cells.reduce((most, row) => Math.max(most, displayWidth(row[at] ?? "")), 0)
  );
  let titles = [...header];
  const width = () =>
    titles.reduce((sum, title) => sum + widths[header.indexOf(title)]! + GAP, -GAP);
  for (const title of optional) {
    if (width() <= columns) break;
    titles = titles.filter((one) => one !== title);
  }
  return titles;
}

async function layOut(
  header: readonly string[],
  cells: readonly (readonly string[])[],
  { titles, showHeader = true }: { titles: readonly string[]; showHeader?: boolean },
): Promise<string> {
  const { displayWidth } = await import("./display_width.ts");
  const shown = cells.map((row) => row.filter((_, at) => titles.includes(header[at] ?? "")));
  // Widths count the header even where it isn't shown.
  const widths = titles.map(() => 0);
  const measured = shown.map((row) =>
    row.map((cell, at) => {
      const width = displayWidth(cell);
      widths[at] = Math.max(widths[at] ?? 0, width);
      return { cell, width };
    })
  );
  const lines = measured.map((row) =>
    row.map(({ cell, width }, at) => cell + " ".repeat((widths[at] ?? 0) - width + GAP)).join("")
      .trimEnd()
  );
  return lines.slice(showHeader ? 0 : 1).join("\n");
}
