import { shoal, sourceWords } from "../../tests/e2e/program.ts";

/** Seconds that the program takes to start and to end: the least of three. */
export async function startSeconds(): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < 3; i++) {
    const began = performance.now();
    await shoal(["peer", "config", "path"], { program: sourceWords() });
    least = Math.min(least, performance.now() - began);
  }
  return least / 1_000;
}
