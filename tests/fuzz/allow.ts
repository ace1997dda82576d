import { Fault, type FaultKind } from "../../src/fault.ts";

/** Most characters in a message for people, however long the input was. */
const MESSAGE_CAP = 2_000;

/** True when an error is one that bad input may cause: a Fault of one of these kinds, on one line. */
export function isAllowed(error: unknown, kinds: FaultKind[]): boolean {
  return error instanceof Fault && kinds.includes(error.kind) &&
    error.message.length <= MESSAGE_CAP && !/[\r\n]/.test(error.message);
}

/**
 * The result of `work`; undefined when it throws a Fault that {@link isAllowed}. Anything else is
 * thrown.
 */
export function unlessFault<T>(kinds: FaultKind[], work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!isAllowed(error, kinds)) throw error;
  }
}

/** Fails, as a finding, unless `holds`. Cheaper than an assertion that builds its message. */
export function must(holds: boolean, what: string): void {
  if (!holds) throw new Error(`it doesn't hold that ${what}`);
}
