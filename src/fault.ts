/**
 * The kinds of failure that a caller acts on differently. The command line turns each into an exit
 * code (src/cli/output/exit_code.ts has the table), the control API into an HTTP status.
 */
export type FaultKind =
  /** The request can't be met as it is: a bad name, number or path. Retrying is pointless. */
  | "usage"
  /** No peer in the swarm has that name or id. */
  | "not_found"
  /** The bootstrap can't be reached, or every source was lost. */
  | "network"
  /** Content or its publisher was refused. */
  | "integrity"
  /** The destination exists and differs. */
  | "destination"
  /** Disk full, no permission, or an I/O error. */
  | "disk"
  /** One name stands for several contents. */
  | "ambiguous"
  /** A deadline passed. */
  | "deadline"
  /** Another process holds the shared folder, or another download writes there. */
  | "held"
  /** A command that was to run before or after can't be run, or failed. */
  | "hook";

/** Facts by name. `reason` tells failures of one kind apart; bytes are in `needed` and `free`. */
export type FaultDetails = Readonly<Record<string, string | number>>;

/** A failure with a one-line message for people and a kind for programs. `cause` is kept. */
export class Fault extends Error {
  /** The name of the class. */
  override readonly name = "Fault";
  /** The kind of failure: what to do about it. */
  readonly kind: FaultKind;
  /** The next step for the user, where it differs from what the kind suggests. */
  readonly next?: string;
  /** The facts behind the message, for programs that word it themselves, such as the page. */
  readonly details?: FaultDetails;

  /** A failure of a kind; `message` is one line, without a full stop. */
  constructor(
    kind: FaultKind,
    message: string,
    options?: ErrorOptions & { next?: string; details?: FaultDetails },
  ) {
    super(message, options);
    this.kind = kind;
    this.next = options?.next;
    this.details = options?.details;
  }
}

/** A `usage` failure about one value of a configuration. */
export class KeyFault extends Fault {
  /** The key that it has in the config file. */
  readonly field: string;

  constructor(field: string, message: string, options?: ErrorOptions) {
    super("usage", message, options);
    this.field = field;
  }
}

/** The text of anything thrown, on one line, without the system's number for it. */
export function messageOf(error: unknown): string {
  if (isOutOfBounds(error)) return "/dev, /proc and /sys are out of bounds";
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s*[\r\n]+\s*/g, " ").replace(/ \(os error \d+\)/g, "").trim();
}

/** True for a path that the runtime keeps programs out of, whatever the permissions that they were given. */
export function isOutOfBounds(error: unknown): boolean {
  return error instanceof Deno.errors.NotCapable && error.message.startsWith("Requires all access");
}

/** A name or a path as a message has it: in double quotes, on one line. */
export function inQuotes(text: string): string {
  return JSON.stringify(text);
}

/** Most characters of a user's input that a message repeats. */
const QUOTED_CAP = 80;

/** A user's input as a message repeats it: in double quotes, on one line, not too long. */
export function quoted(text: string): string {
  return JSON.stringify(text.slice(0, QUOTED_CAP));
}

/** True for the error that an operation throws when the caller's own signal stopped it. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}
