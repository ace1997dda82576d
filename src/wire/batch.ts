import { Refused } from "./answerer.ts";
import { LIST_CAP, PAYLOAD_CAP } from "./protocol.ts";

const encoder = new TextEncoder();

/** Items that together fit one message: {@link LIST_CAP} of them, {@link PAYLOAD_CAP} as JSON. */
export class Batch<T> {
  readonly items: T[] = [];
  /** As JSON: the brackets, and each item with its comma. */
  #bytes = 2;

  /** Takes an item, or returns false because the batch is full. */
  add(item: T): boolean {
    const bytes = encoder.encode(JSON.stringify(item)).length + 1;
    if (this.items.length === LIST_CAP || this.#bytes + bytes > PAYLOAD_CAP) return false;
    this.#bytes += bytes;
    this.items.push(item);
    return true;
  }
}

/** The parts of the cursor to a batch; undefined for the first. Throws a Refused unless it has that form. */
export function readCursor(
  form: RegExp,
  cursor: string | undefined,
): Record<string, string> | undefined {
  if (cursor === undefined) return;
  const parts = form.exec(cursor);
  if (!parts) throw new Refused("bad_message", "that cursor was not given out here");
  return { ...parts.groups };
}
