import { fuzz, type FuzzOptions, type FuzzResult } from "./fuzzer.ts";
import { keptSeeds } from "./kept_seeds.ts";
import type { Target } from "./target.ts";

/** Shares `count` inputs out among the targets, by their weights: at least one each. */
export function shareOut(targets: Target[], count: number): Map<Target, number> {
  const all = targets.reduce((sum, { weight }) => sum + weight, 0);
  return new Map(targets.map((one) => [one, Math.ceil(count * one.weight / all)]));
}

/** One target, with all that was kept for it, from its begin to its end. */
export async function runTarget(
  target: Target,
  options: Omit<FuzzOptions, "kept">,
): Promise<FuzzResult> {
  const kept = await keptSeeds(target.name);
  try {
    return await fuzz(target, { ...options, kept });
  } finally {
    await target.close?.();
  }
}
