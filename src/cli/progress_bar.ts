// @ts-types="./cli_progress.d.ts"
import progress from "cli-progress";
import type { BarParams } from "./cli_progress.d.ts";
import type { Shown } from "./progress.ts";
import { sanitize } from "./sanitize.ts";
import { formatDuration, formatRate, formatSize } from "./units.ts";

/** Most characters of a name that are shown. */
const NAME_WIDTH = 40;
/** Columns of the bar itself. */
const BAR_WIDTH = 20;

/** One line on the terminal that says how far something is; it is gone once it stopped. */
export class ProgressBar {
  readonly #name: string;
  readonly #bar = new progress.SingleBar<Shown>({
    format: (_, params, shown) => this.#format(params, shown),
    fps: 8,
    clearOnComplete: true,
  });
  #started = false;

  constructor(name: string) {
    const text = sanitize(name);
    this.#name = text.length > NAME_WIDTH ? text.slice(0, NAME_WIDTH - 1) + "…" : text;
  }

  show(shown: Shown): void {
    if (shown.size === undefined) return;
    if (this.#started) return this.#bar.update(shown.bytes, shown);
    this.#started = true;
    this.#bar.start(shown.size, shown.bytes, shown);
  }

  stop(): void {
    if (this.#started) this.#bar.stop();
  }

  #format({ progress }: BarParams, { bytes, size = 0, rate, eta, sources }: Shown): string {
    const done = Math.min(1, progress);
    const filled = Math.round(done * BAR_WIDTH);
    return [
      this.#name,
      "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled),
      `${Math.floor(done * 100)}%`,
      `${formatSize(bytes)}/${formatSize(size)}`,
      ...(rate === undefined ? [] : [formatRate(rate)]),
      ...(eta === undefined ? [] : [`ETA ${formatDuration(eta)}`]),
      ...(sources === undefined ? [] : [`${sources} source${sources === 1 ? "" : "s"}`]),
    ].join("  ");
  }
}
