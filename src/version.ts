import config from "../deno.json" with { type: "json" };

/** This program's version, as in deno.json: `major.minor.patch`. */
export const VERSION: string = config.version;

/** The day of this release, in milliseconds since 1970: no clock that says less is right. */
export const RELEASED: number = Date.UTC(2026, 10, 30);

/** The name of this program in `hello` and in listings. */
export const AGENT = `shoal/${VERSION}`;
