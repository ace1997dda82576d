import * as v from "valibot";
import { Fault, type FaultKind, KeyFault, messageOf } from "../../fault.ts";
import type { Candidate } from "../../peer/api/peer_api.ts";

/** HTTP status for each kind of failure. */
const STATUS: Record<FaultKind, number> = {
  usage: 400,
  not_found: 404,
  network: 502,
  integrity: 502,
  destination: 409,
  disk: 507,
  ambiguous: 409,
  deadline: 504,
  held: 423,
  hook: 500,
};

const KINDS = Object.keys(STATUS) as [FaultKind, ...FaultKind[]];

/** A failure as it travels: as the body of a response, or as the last line of a stream. */
export const ApiError = v.object({
  error: v.object({
    kind: v.optional(v.picklist(KINDS)),
    message: v.string(),
    /** See {@link Fault}. */
    next: v.optional(v.string()),
    details: v.optional(v.record(v.string(), v.union([v.string(), v.number()]))),
    /** For `ambiguous`: the contents that the name stands for. */
    candidates: v.optional(v.array(v.unknown())),
    /** The key of the config file that it is about. */
    field: v.optional(v.string()),
  }),
});
export type ApiError = v.InferOutput<typeof ApiError>;

export function toApiError(error: unknown): ApiError {
  const message = messageOf(error);
  if (!(error instanceof Fault)) return { error: { message } };
  const candidates = error.kind === "ambiguous" ? error.cause as Candidate[] : undefined;
  const field = error instanceof KeyFault ? error.field : undefined;
  const { kind, next, details } = error;
  return { error: { kind, message, next, details, candidates, field } };
}

/** The failure that {@link toApiError} was given, as far as it travels. */
export function fromApiError(
  { error: { kind, message, next, details, candidates } }: ApiError,
): Error {
  return kind ? new Fault(kind, message, { next, details, cause: candidates }) : new Error(message);
}

/** The HTTP status for a failure; 500 for one that is no Fault. */
export function statusOf(error: unknown): number {
  return error instanceof Fault ? STATUS[error.kind] : 500;
}
