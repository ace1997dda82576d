import { AssertionError } from "@std/assert";
import { Fault, type FaultKind } from "../../src/fault.ts";

/**
 * The Fault that `work` fails with. Fails the test when there is none, or when it is of another kind,
 * or when its message is not one line that has `text` in it.
 */
export async function faultOf(
  kind: FaultKind,
  work: Promise<unknown> | (() => unknown),
  text = "",
): Promise<Fault> {
  let error: unknown;
  try {
    await (typeof work === "function" ? work() : work);
  } catch (thrown) {
    error = thrown;
  }
  if (!(error instanceof Fault)) {
    throw new AssertionError(`expected a Fault, got ${error ?? "success"}`, { cause: error });
  }
  if (error.kind !== kind || !error.message.includes(text) || error.message.includes("\n")) {
    throw new AssertionError(
      `expected ${kind} with "${text}", got ${error.kind}: ${error.message}`,
      { cause: error },
    );
  }
  return error;
}
