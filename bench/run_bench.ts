import { interrupted, listenForInterrupts } from "./measure/interrupt.ts";

/**
 * Runs a benchmark. A failure is one line and exit code 1, an interrupt 130; what `main` holds is
 * disposed of in both cases.
 */
export async function runBench(name: string, main: () => Promise<void>): Promise<void> {
  using _interrupts = listenForInterrupts();
  try {
    await main();
  } catch (error) {
    console.error(`${name}: ${(error as Error).message}`);
    Deno.exitCode = interrupted.aborted ? 130 : 1;
  }
}

/** Prints the lines of figures, one figure after the other. Throws when it is interrupted. */
export async function printFigures(figures: AsyncIterable<string>[]): Promise<void> {
  for (const lines of figures) {
    for await (const line of lines) {
      interrupted.throwIfAborted();
      console.log(line);
    }
  }
}
