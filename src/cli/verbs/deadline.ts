import { Fault, inQuotes } from "../../fault.ts";

/**
 * The deadline of a command that began at `started`, both by performance.now(); undefined for none.
 */
export function deadlineOf(
  { deadline }: { deadline?: number },
  started: number,
): number | undefined {
  return deadline === undefined ? undefined : started + deadline * 1000;
}

/** Milliseconds that are left. Throws a `deadline` Fault when it has passed. */
export function leftUntil(deadline: number | undefined, name: string): number | undefined {
  if (deadline === undefined) return;
  const left = deadline - performance.now();
  if (left <= 0) throw new Fault("deadline", `Cannot get ${inQuotes(name)}: the deadline passed`);
  return left;
}
