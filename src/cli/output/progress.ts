import type { Progress } from "../../peer/api/peer_api.ts";
import type { Output } from "./output.ts";

/** What can be shown of something under way. Nothing is, while the size isn't known. */
export type Shown = Pick<Progress, "bytes" | "size"> & Partial<Progress>;

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
