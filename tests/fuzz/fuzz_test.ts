/**
 * A bounded share of `deno task fuzz`, always the same inputs, after all that was kept from before: a
 * finding stays a test.
 */
import { assertEquals } from "@std/assert";
import { runTarget, shareOut } from "./run_targets.ts";
import { TARGETS } from "./targets/all.ts";

/** Of all targets together: about ten seconds. */
const INPUTS = 100_000;
const SEED = 20_260_131;

for (const [target, count] of shareOut(TARGETS, INPUTS)) {
  Deno.test(`fuzz: ${target.name}`, async () => {
    const { finding } = await runTarget(target, { count, seed: SEED });
    assertEquals(finding && { ...finding, input: String(finding.input) }, undefined);
  });
}
