import { Fault, messageOf, quoted } from "../../fault.ts";
import type { StreamRequest } from "../../peer/api/peer_api.ts";
import { candidatesOf, candidateTable } from "../output/candidates.ts";
import type { VerbCall } from "./verb.ts";

/**
 * The request for the candidate that the user chooses, after a request failed since its name is
 * ambiguous. Throws any other error, also without a terminal, and an `ambiguous` Fault when nothing
 * is chosen.
 */
export async function chooseCandidate<Request extends StreamRequest>(
  error: unknown,
  request: Request,
  { ask, output, signal }: Pick<VerbCall, "ask" | "output" | "signal">,
): Promise<Request> {
  const candidates = candidatesOf(error);
  if (!candidates || !ask) throw error;
  output.note(`${quoted(request.name)} stands for ${candidates.length} different files:`);
  output.detail(await candidateTable(candidates, { numbered: true }));
  const answer = await ask(
    `Which one? [1-${candidates.length}, or nothing to leave it] `,
    signal,
  );
  const chosen = /^\d{1,4}$/.test(answer.trim()) ? candidates[Number(answer) - 1] : undefined;
  if (!chosen) throw new Fault("ambiguous", messageOf(error));
  const { id, publisher } = chosen;
  // A chosen publisher is remembered; a content that was chosen by its id, or is unsigned, isn't.
  const choice = request.id === undefined && publisher ? { publisher } : { id };
  return { ...request, ...choice };
}
