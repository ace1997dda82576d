import { interrupted } from "./interrupt.ts";
import { NotInstalled } from "./timed_run.ts";

/** One turn, in seconds. */
export interface Sample {
  /** By the program's own account; undefined when it gives none. */
  reported?: number;
  /** From process start to exit. */
  process: number;
}

/** Something that is measured in turns with others. */
export interface Contender {
  name: string;
  /** The goal for Shoal, beside this one. */
  goal?: string;
  /** Prepares it, leaving what must be ended on the stack, and gives what takes a turn. */
  start(stack: AsyncDisposableStack): Promise<() => Promise<Sample>>;
}

export interface Outcome {
  contender: Contender;
  samples: Sample[];
  /** The reason why there are no samples, or not all. */
  problem?: string;
  /** True when that is a fault; false when a tool isn't installed. */
  broken: boolean;
}

/**
 * Takes turns: each contender once, then each again, so that what else the machine does falls on all
 * alike. One that fails takes no more turns. Outcomes are in the order of `contenders`.
 */
export async function interleave(contenders: Contender[], rounds: number): Promise<Outcome[]> {
  await using stack = new AsyncDisposableStack();
  const outcomes: Outcome[] = [];
  const turns = new Map<Outcome, () => Promise<Sample>>();
  for (const contender of contenders) {
    const outcome: Outcome = { contender, samples: [], broken: false };
    outcomes.push(outcome);
    await noting(outcome, async () => {
      turns.set(outcome, await contender.start(stack));
    });
  }
  for (let round = 1; round <= rounds; round++) {
    for (const [outcome, turn] of turns) {
      if (outcome.problem !== undefined) continue;
      console.error(`round ${round} of ${rounds}: ${outcome.contender.name}`);
      await noting(outcome, async () => {
        outcome.samples.push(await turn());
      });
    }
  }
  return outcomes;
}

async function noting(outcome: Outcome, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    interrupted.throwIfAborted();
    const absent = error instanceof NotInstalled;
    outcome.problem = absent ? "not installed" : (error as Error).message;
    outcome.broken = !absent;
  }
}

/** The median of some numbers; undefined of none. */
export function median(values: number[]): number | undefined {
  if (values.length === 0) return undefined;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
