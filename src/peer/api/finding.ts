import { Fault, type FaultKind, messageOf } from "../../fault.ts";

/** The result of one check. */
export type Finding =
  & {
    /** The name of the check: one or two words. */
    check: string;
    /** One line. */
    message: string;
    /** The next step for the user. */
    remedy?: string;
  }
  & ({ level: "ok" | "warning" } | { level: "fault"; kind: FaultKind });

export function ok(check: string, message: string): Finding {
  return { check, level: "ok", message };
}

export function warning(check: string, message: string, remedy?: string): Finding {
  return { check, level: "warning", message, remedy };
}

/** A fault from whatever was thrown; `remedy` says what helps. */
export function fault(check: string, error: unknown, remedy?: string): Finding {
  const kind = error instanceof Fault ? error.kind : "disk";
  return { check, level: "fault", kind, message: messageOf(error), remedy };
}
