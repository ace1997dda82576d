import { assertEquals } from "@std/assert";
import { ConnectionTrial, type Verdict } from "../../../src/peer/download/connection_trial.ts";

/** The seconds at which the verdict changed, and to what, where the link brings so much each second. */
function changesAt(
  rate: (verdict: Verdict) => number,
  seconds: number,
): [second: number, verdict: Verdict][] {
  let [now, arrived] = [0, 0];
  const trial = new ConnectionTrial(50, () => now);
  const changes: [number, Verdict][] = [];
  let last: Verdict = "with";
  for (; now < seconds * 1_000; now += 250) {
    const verdict = trial.tick(arrived);
    if (verdict !== last) changes.push([Math.floor(now / 1_000), verdict]);
    last = verdict;
    arrived += rate(verdict) / 4;
  }
  return changes;
}

Deno.test("connection trial: a connection without which as much comes is needless", () => {
  const changes = changesAt(() => 1_000, 20);
  assertEquals(changes.map(([, verdict]) => verdict), ["without", "needless", "with"]);
});

Deno.test("connection trial: one that helps is used again, and tried again later each time", () => {
  const changes = changesAt((verdict) => verdict === "without" ? 750 : 1_000, 120);
  assertEquals(changes.slice(0, 6).map(([, verdict]) => verdict), [
    ...["without", "with", "without", "with", "without", "with"] as const,
  ]);
  const [, [first], [second], [third], [fourth]] = changes;
  assertEquals([second - first >= 10, fourth - third >= 20], [true, true]);
});

Deno.test("connection trial: nothing is tried in the first seconds", () => {
  assertEquals(changesAt(() => 1_000, 10), []);
});
