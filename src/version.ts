import config from "../deno.json" with { type: "json" };

/** This program's version, as in deno.json: `major.minor.patch`. */
export const VERSION: string = config.version;

/** The name of this program in `hello` and in listings. */
export const AGENT = `shoal/${VERSION}`;
