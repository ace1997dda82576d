import { typedName } from "./typed_name.ts";

/** A name, the `@`, and 8 to 64 hex digits. */
const PINNED = /^(.+)@([0-9a-f]{8,64})$/is;

/**
 * Reads `NAME@ID`, which pins one content of a name: the text after the last `@` is the id, or the
 * beginning of it, when it is 8 to 64 hex digits. All else is a name as it is, and so is all when
 * the id was given in another way: so a file whose own name ends like that can be asked for. The
 * name is read by {@link typedName}.
 */
export function pinnedName(text: string, id?: string): { name: string; id?: string } {
  const [, name, digits] = id === undefined && PINNED.exec(text) || [];
  if (name && digits) return { name: typedName(name), id: digits.toLowerCase() };
  return { name: typedName(text), id };
}
