import { Fault, quoted } from "../fault.ts";

/** Reads an origin: `https://files.example`, `http://nas.local:10100`. Throws a `usage` Fault. */
export function parseOrigin(text: string): string {
  const parts = /^(https?):\/\/([a-z0-9._-]+|\[[0-9a-f:.]+\])(:\d{1,5})?\/?$/i.exec(text);
  if (!parts || !URL.canParse(text)) {
    throw new Fault(
      "usage",
      `${quoted(text)} is not an origin: it must be http://HOST[:PORT] or https://HOST[:PORT]`,
    );
  }
  return new URL(text).origin;
}
