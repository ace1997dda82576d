import type { Progress } from "../../peer/api/peer_api.ts";
import { cutToWidth, displayWidth } from "./display_width.ts";
import { formatDuration, formatRate, formatSize } from "./units.ts";

/** The part of progress that can be shown. Nothing is, while the size isn't known. */
export type Shown = Pick<Progress, "bytes" | "size"> & Partial<Progress>;

export interface LineOptions {
  /** Columns that the line may take. */
  columns: number;
  /** Draw with ASCII alone. Default false. */
  ascii?: boolean;
}

/** Most columns of a name that are shown, and fewest if it has to give way. */
const NAME_WIDTH = { most: 40, least: 12 };
/** Columns of the bar, and fewest that are worth being drawn. */
const BAR_WIDTH = { most: 20, least: 8 };
const GAP = "  ";

/**
 * Progress on one line: a name, a bar, then figures. With few columns the bar gives way first, then
 * the name, then the figures: sources, rate, time, and sizes.
 */
export function progressLine(
  name: string,
  { bytes, size = 0, rate, eta, sources, trying, paths }: Shown,
  { columns, ascii = false }: LineOptions,
): string {
  const done = size > 0 ? Math.min(1, bytes / size) : 1;
  const percent = `${Math.floor(done * 100)}%`;
  const figures: string[] = [percent, `${formatSize(bytes)}/${formatSize(size)}`];
  const more = [
    ...(rate === undefined ? [] : [formatRate(rate)]),
    ...(eta === undefined ? [] : [`ETA ${formatDuration(eta)}`]),
    ...(sources === undefined ? [] : [sourcesText(sources, trying, paths)]),
  ];
  const whole = Math.min(displayWidth(name), NAME_WIDTH.most);
  const least = Math.min(whole, NAME_WIDTH.least);
  const fits = (some: string[]) =>
    columns >= least + displayWidth([...some.map(() => GAP), ...some].join(""));
  // From the left, as many as there is room for; the percentage is always there.
  const all = [...figures, ...more];
  const shown = all.slice(
    0,
    Math.max(1, all.findLastIndex((_, at) => fits(all.slice(0, at + 1))) + 1),
  );
  const text = shown.join(GAP);
  const end = ascii ? "~" : "…";
  const room = columns - GAP.length - displayWidth(text);
  const bar = clamp(room - GAP.length - whole, BAR_WIDTH);
  const beside = room - GAP.length - bar;
  if (beside < least) {
    const cut = cutToWidth(name, clamp(room, { least: 0, most: whole }), end);
    return cutToWidth([cut, text].join(GAP), Math.max(columns, 1), end);
  }
  return [cutToWidth(name, Math.min(whole, beside), end), barOf(done, bar, ascii), text].join(GAP);
}

/** The sources in use and their paths; while there are none, those that are tried. */
function sourcesText(sources: number, trying = 0, paths: Progress["paths"] = []): string {
  const text = (count: number) => `${count} source${count === 1 ? "" : "s"}`;
  if (sources === 0 && trying > 0) return `trying ${text(trying)}`;
  const told = paths.filter((path) => path !== "direct").join(", ");
  return told === "" ? text(sources) : `${text(sources)} (${told})`;
}

function clamp(value: number, { least, most }: { least: number; most: number }): number {
  return Math.max(least, Math.min(most, value));
}

function barOf(done: number, width: number, ascii: boolean): string {
  const filled = Math.round(done * width);
  const [full, empty] = ascii ? ["#", "-"] : ["█", "░"];
  return full.repeat(filled) + empty.repeat(width - filled);
}
