import type { Progress } from "../../peer/api/peer_api.ts";
import { formatDuration, formatRate, formatSize } from "./units.ts";

/** What can be shown of something under way. Nothing is, while the size isn't known. */
export type Shown = Pick<Progress, "bytes" | "size"> & Partial<Progress>;

/** Most characters of a name that are shown, and fewest if it has to give way. */
const NAME_WIDTH = { most: 40, least: 12 };
/** Columns of the bar, and fewest that are worth being drawn. */
const BAR_WIDTH = { most: 20, least: 8 };
const GAP = "  ";

/**
 * How far something is, on one line: its name, a bar, then figures. On a terminal with few columns the
 * bar gives way first, then the name.
 */
export function progressLine(
  name: string,
  { bytes, size = 0, rate, eta, sources }: Shown,
  columns: number,
): string {
  const done = size > 0 ? Math.min(1, bytes / size) : 1;
  const figures = [
    `${Math.floor(done * 100)}%`,
    `${formatSize(bytes)}/${formatSize(size)}`,
    ...(rate === undefined ? [] : [formatRate(rate)]),
    ...(eta === undefined ? [] : [`ETA ${formatDuration(eta)}`]),
    ...(sources === undefined ? [] : [`${sources} source${sources === 1 ? "" : "s"}`]),
  ].join(GAP);
  const letters = [...name];
  const whole = Math.min(letters.length, NAME_WIDTH.most);
  const least = Math.min(whole, NAME_WIDTH.least);
  const room = columns - GAP.length - figures.length;
  const bar = clamp(room - GAP.length - whole, BAR_WIDTH);
  const beside = room - GAP.length - bar;
  if (beside < least) return [cut(letters, clamp(room, { least, most: whole })), figures].join(GAP);
  return [cut(letters, Math.min(whole, beside)), barOf(done, bar), figures].join(GAP);
}

function clamp(value: number, { least, most }: { least: number; most: number }): number {
  return Math.max(least, Math.min(most, value));
}

function cut(letters: string[], width: number): string {
  return letters.length > width ? letters.slice(0, width - 1).join("") + "…" : letters.join("");
}

function barOf(done: number, width: number): string {
  const filled = Math.round(done * width);
  return "█".repeat(filled) + "░".repeat(width - filled);
}
