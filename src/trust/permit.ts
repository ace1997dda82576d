/**
 * The one decision on what may replace or delete what: by its publisher, by the publisher that the
 * user trusts for the name, and by the user's flags. Placing and deleting take a {@link
 * Destination}, and only that.
 */
import { Fault, inQuotes, quoted } from "../fault.ts";
import { isWhole, type Taken } from "./choose_offer.ts";

/** The next step where an update is not permitted. */
const NO_UPDATE = "choose --overwrite, --no-clobber, or another place with -o";

/** The user's flags for the destination. */
export interface PermitFlags {
  name: string;
  /** The publisher that was asked for: a peer id, or its beginning. */
  publisher?: string;
  /** Replaces anything. */
  overwrite?: boolean;
  /** Replaces what the same publisher may replace. */
  update?: boolean;
  /** With either: deletes what is not in the folder. */
  delete?: boolean;
}

/** A place on disk, and what may be done to what stands there. */
export interface Destination {
  /** Absolute. */
  path: string;
  permit: Permit;
}

/** The permission to replace or delete at a destination. */
export class Permit {
  /** Nothing that stands there is touched. */
  static readonly keep: Permit = new Permit(false, false);
  /** For folders that only Shoal puts things into: nothing in them is the user's. */
  static readonly own: Permit = new Permit(true, true);

  /** For a folder that has nothing in it, and can't give way to another. */
  static readonly fill: Permit = new Permit(true, false);

  /** True when what differs may be replaced. */
  readonly replaces: boolean;
  /** True when what is not in the folder may be deleted. */
  readonly deletes: boolean;
  /** The reason why an update is none, for a message. */
  readonly #why: string | undefined;

  private constructor(replaces: boolean, deletes: boolean, why?: string) {
    this.replaces = replaces;
    this.deletes = deletes;
    this.#why = why;
  }

  /**
   * Decides for a content that was taken for that reason. Only the remembered publisher's version,
   * which is never an older one, or that of the publisher whose whole key was given, is an update
   * of what is there.
   */
  static decide(flags: PermitFlags, taken: Taken): Permit {
    const deletes = flags.delete === true;
    if (flags.overwrite) return new Permit(true, deletes);
    const why = whyNoUpdate(flags, taken);
    if (why !== undefined) return new Permit(false, false, why);
    return flags.update ? new Permit(true, deletes) : Permit.keep;
  }

  /** The Fault for what differs at `path` and may not be replaced; of a folder, `inside` is the first such path. */
  refusal(path: string, inside?: string): Fault {
    const where = inside === undefined ? "" : `, in ${inside}`;
    const cannot = `Cannot write ${inQuotes(path)}: it exists and differs${where}`;
    const details = { reason: "exists" };
    if (inside !== undefined && this.#why === undefined) {
      return new Fault("destination", `${cannot}; bring it up to date with --update`, { details });
    }
    const because = this.#why === undefined ? "" : `, and ${this.#why}`;
    return new Fault("destination", `${cannot}${because}; replace it with --overwrite`, {
      details,
      ...this.#why === undefined ? {} : { next: NO_UPDATE },
    });
  }

  /** Throws a `destination` Fault unless what differs may be replaced; see {@link refusal}. */
  requireReplace(path: string, inside?: string): void {
    if (!this.replaces) throw this.refusal(path, inside);
  }

  /** Throws a `destination` Fault unless what is not in a folder may be deleted. */
  requireDelete(path: string, inside: string): void {
    if (this.deletes) return;
    const why = this.#why ?? "--delete was not given";
    throw new Fault(
      "destination",
      `Cannot delete ${inQuotes(`${path}/${inside}`)}: it is not in the folder, and ${why}`,
      {
        next: "move it away, or get it again without --delete",
      },
    );
  }
}

function whyNoUpdate({ name, publisher }: PermitFlags, taken: Taken): string | undefined {
  if (taken === "known" || taken === "first" && isWhole(publisher)) return;
  if (taken === "own") return `this peer itself publishes ${quoted(name)}`;
  if (taken === "named") return `another publisher is remembered for ${quoted(name)}`;
  return `no publisher is remembered for ${quoted(name)}, whose newer version this could be`;
}
