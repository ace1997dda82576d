import { formatTable } from "../../src/cli/output/table.ts";
import type { Row } from "./row.ts";

const HEADER = ["FIGURE", "REPORTED", "PROCESS", "RATIO", "BY PROCESS", "GOAL"];

const LEGEND = `
REPORTED is by the program's own account, PROCESS from its start to its exit; both are medians.
RATIO is Shoal's rate over that line's, as reported (else from start to exit); BY PROCESS the same
from start to exit. MB are 10^6 bytes.`.trim();

/** The table with what it needs to be read. */
export async function formatReport(head: string[], rows: Row[]): Promise<string> {
  const table = await formatTable(HEADER, rows.map(cells));
  const faults = rows.filter((row) => row.broken).map((row) => `${row.figure}: ${row.problem}`);
  return [...head, "", table, "", LEGEND, ...faults.length > 0 ? ["", ...faults] : []].join("\n");
}

function cells(row: Row): string[] {
  const goal = row.goal ?? "";
  if (row.reported === undefined && row.process === undefined) {
    return [row.figure, row.broken ? "failed" : row.problem ?? "", "", "", "", goal];
  }
  const figure = row.broken ? `${row.figure} (then failed)` : row.figure;
  const values = [formatValue(row.reported, row), formatValue(row.process, row)];
  return [figure, ...values, formatRatio(row.ratio_reported), formatRatio(row.ratio_process), goal];
}

function formatValue(value: number | undefined, { unit }: Row): string {
  if (value === undefined) return "";
  if (unit === "bytes") return `${Math.round(value / 1e6)} MB`;
  if (unit === "seconds") return `${(value * 1000).toFixed(value < 0.01 ? 1 : 0)} ms`;
  if (unit === "files_per_second") return `${Math.round(value)} files/s`;
  return `${Math.round(value / 1e6)} MB/s`;
}

function formatRatio(ratio: number | undefined): string {
  return ratio === undefined ? "" : `${ratio.toFixed(2)} x`;
}
