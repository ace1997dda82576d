import { Fault, messageOf } from "../../fault.ts";
import type { StreamRequest } from "../../peer/api/peer_api.ts";
import { candidatesOf, candidateTable } from "../output/candidates.ts";
import type { VerbCall } from "./verb.ts";

/**
 * Does some work on a request. If its name is ambiguous and somebody can be asked, they choose one of
 * the candidates, and the work is done on that. Throws an `ambiguous` Fault when they don't.
 */
export async function choosingCandidate<Request extends StreamRequest, T>(
  request: Request,
  work: (request: Request) => Promise<T>,
  { ask, output, signal }: Pick<VerbCall, "ask" | "output" | "signal">,
): Promise<T> {
  try {
    return await work(request);
  } catch (error) {
    const candidates = candidatesOf(error);
    if (!candidates || !ask) throw error;
    output.note(`${request.name} stands for ${candidates.length} different files:`);
    output.detail(await candidateTable(candidates, { numbered: true }));
    const answer = await ask(
      `Which one? [1-${candidates.length}, or nothing to leave it] `,
      signal,
    );
    const chosen = /^\d{1,4}$/.test(answer.trim()) ? candidates[Number(answer) - 1] : undefined;
    if (!chosen) throw new Fault("ambiguous", messageOf(error));
    const { id, publisher } = chosen;
    // Who is chosen is remembered; a content that was chosen by its id, or that nobody signed for, isn't.
    const choice = request.id === undefined && publisher ? { publisher } : { id };
    return await work({ ...request, ...choice });
  }
}
