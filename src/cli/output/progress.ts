import type { Output } from "./output.ts";
import type { Shown } from "./progress_line.ts";

/** Progress on a terminal; it disappears when it is disposed of. */
export interface ShownProgress extends Disposable {
  /** May be called as often as there is news. */
  show(shown: Shown): void;
}

/** Begins to show how far the work on `name` is. */
export async function showProgress(name: string, output: Output): Promise<ShownProgress> {
  if (!output.showsProgress) return { show() {}, [Symbol.dispose]() {} };
  const { ProgressBar } = await import("./progress_bar.ts");
  return new ProgressBar(name);
}
