// @ts-types="./cli_progress.d.ts"
import progress from "cli-progress";
import type { Shown } from "./progress_line.ts";
import { progressLine } from "./progress_line.ts";
import { showsUnicode } from "./terminal.ts";
import { sanitize } from "./sanitize.ts";

/** One line on the terminal that says how far something is; it is gone once it stopped. */
export class ProgressBar {
  readonly #name: string;
  readonly #bar = new progress.SingleBar<Shown>({
    format: (_, { maxWidth }, shown) =>
      progressLine(this.#name, shown, { columns: maxWidth, ascii: !showsUnicode() }),
    fps: 8,
    clearOnComplete: true,
  });
  #started = false;

  constructor(name: string) {
    this.#name = sanitize(name);
  }

  show(shown: Shown): void {
    if (shown.size === undefined) return;
    if (this.#started) return this.#bar.update(shown.bytes, shown);
    this.#started = true;
    this.#bar.start(shown.size, shown.bytes, shown);
  }

  [Symbol.dispose](): void {
    if (this.#started) this.#bar.stop();
  }
}
