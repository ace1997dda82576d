import type { Shown } from "./progress_line.ts";
import type { Output } from "./output.ts";

/**
 * Does some work on `name` and shows how far it is, where somebody watches. The work calls `show` as
 * often as it likes.
 */
export async function withProgress<T>(
  name: string,
  output: Output,
  work: (show: (shown: Shown) => void) => Promise<T>,
): Promise<T> {
  if (!output.showsProgress) return await work(() => {});
  const { ProgressBar } = await import("./progress_bar.ts");
  const bar = new ProgressBar(name);
  try {
    return await work((shown) => bar.show(shown));
  } finally {
    bar.stop();
  }
}
