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
