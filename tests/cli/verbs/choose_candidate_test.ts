/** The command line's handling of names, candidates and questions. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { chooseCandidate } from "../../../src/cli/verbs/choose_candidate.ts";
import { candidatesOf, candidateTable } from "../../../src/cli/output/candidates.ts";
import { Output } from "../../../src/cli/output/output.ts";
import { pinnedName } from "../../../src/cli/args/pinned_name.ts";
import { typedName } from "../../../src/cli/args/typed_name.ts";
import { Fault } from "../../../src/fault.ts";
import type { Candidate, StreamRequest } from "../../../src/peer/api/peer_api.ts";
import { faultOf } from "../../support/faults.ts";

const [X, Y] = ["11", "22"].map((byte) => byte.repeat(32));
const [ALICE, BOB] = ["a1", "b0"].map((byte) => byte.repeat(32));
const CANDIDATES: Candidate[] = [
  { name: "data", id: X, size: 3, publisher: ALICE, time: 0, sources: 1 },
  { name: "data", id: Y, size: 4, publisher: BOB, time: 0, sources: 2 },
];

Deno.test("pinned name: what stands after the last @ is an id when it can be one", () => {
  const cases: [string, string, string | undefined][] = [
    ["data", "data", undefined],
    ["data@2ab049f5", "data", "2ab049f5"],
    ["data@2AB049F5a04a", "data", "2ab049f5a04a"],
    [`a/b@${X}`, "a/b", X],
    ["data@1234567", "data@1234567", undefined],
    [`data@${X}0`, `data@${X}0`, undefined],
    ["you@example.org", "you@example.org", undefined],
    ["data@2ab049f5@deadbeef", "data@2ab049f5", "deadbeef"],
    ["@deadbeef", "@deadbeef", undefined],
    ["@@deadbeef", "@", "deadbeef"],
    ["data@ deadbeef", "data@ deadbeef", undefined],
    ["data@deadbeef\n", "data@deadbeef\n", undefined],
    ["tree/", "tree", undefined],
    ["tree/part//", "tree/part", undefined],
    ["tree/@deadbeef", "tree", "deadbeef"],
    ["/", "/", undefined],
    ["", "", undefined],
  ];
  for (const [text, name, id] of cases) assertEquals(pinnedName(text), { name, id }, text);
  assertEquals(pinnedName("data@deadbeef", X), { name: "data@deadbeef", id: X });
});

Deno.test("pinned name: any name can be pinned, and any name can be had with an id", () => {
  fc.assert(fc.property(fc.string({ minLength: 1 }), (name) => {
    const pinned = { name: typedName(name), id: X };
    assertEquals(pinnedName(`${name}@${X}`), pinned);
    assertEquals(pinnedName(name, X), pinned);
  }));
});

Deno.test("candidates: numbered or not, a row for each", async () => {
  const plain = (await candidateTable(CANDIDATES)).split("\n");
  assertEquals(plain.map((line) => line.split(/ +/)[0]), ["ID", X.slice(0, 12), Y.slice(0, 12)]);
  const numbered = (await candidateTable(CANDIDATES, { numbered: true })).split("\n");
  assertEquals(numbered.slice(1).map((line) => line.slice(0, 2)), ["1)", "2)"]);
  assertEquals(candidatesOf(new Fault("ambiguous", "", { cause: CANDIDATES })), CANDIDATES);
  assertEquals(candidatesOf(new Fault("ambiguous", "")), undefined);
  assertEquals(candidatesOf(new Fault("network", "", { cause: CANDIDATES })), undefined);
});

/** The request that is left when a name is ambiguous and the user is asked. */
async function choosing(
  request: StreamRequest,
  answer: string | undefined,
  candidates = CANDIDATES,
): Promise<StreamRequest> {
  const ask = answer === undefined ? undefined : () => Promise.resolve(answer);
  const call = { ask, output: new Output({ quiet: true }), signal: new AbortController().signal };
  const error = new Fault("ambiguous", "choose", { cause: candidates });
  return await chooseCandidate(error, request, call);
}

Deno.test("choosing: who is chosen is asked for by the whole key, a pinned or unsigned one by its id", async () => {
  const chosen = await choosing({ name: "data", wait: 1 }, " 2 ");
  assertEquals(chosen, { name: "data", wait: 1, publisher: BOB });
  assertEquals(await choosing({ name: "data", id: "11111111" }, "1"), { name: "data", id: X });
  const unsigned = CANDIDATES.map((one) => ({ ...one, publisher: "" }));
  assertEquals(await choosing({ name: "data" }, "1", unsigned), { name: "data", id: X });
});

Deno.test("choosing: no choice, or none that there is, leaves it ambiguous", async () => {
  for (const answer of ["", "0", "3", "-1", "1.5", "one", "1 2", "99999"]) {
    const fault = await faultOf("ambiguous", choosing({ name: "data" }, answer), "choose");
    assertEquals(fault.cause, undefined, "the table was shown already");
  }
  const unasked = await faultOf("ambiguous", choosing({ name: "data" }, undefined), "choose");
  assertEquals(unasked.cause, CANDIDATES);
});

Deno.test("choosing: other failures are none of its business", async () => {
  const call = {
    ask: () => Promise.reject(new Error("asked")),
    ...{ output: new Output({ quiet: true }), signal: new AbortController().signal },
  };
  const error = new Fault("network", "gone");
  const thrown = await assertRejects(() => chooseCandidate(error, { name: "data" }, call));
  assert(thrown === error);
});
