/** A name as a user types it: that of a folder may end with a slash, as lists show it. */
export function typedName(text: string): string {
  return text.replace(/(?<=[^/])\/+$/, "");
}
