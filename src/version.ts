import config from "../deno.json" with { type: "json" };

/** This program's version, as in deno.json: `major.minor.patch`. */
export const VERSION: string = config.version;

/** How this program names itself to others, in `hello` and in listings. */
export const AGENT = `shoal/${VERSION}`;
