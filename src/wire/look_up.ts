import process from "node:process";

/** Resolves a host name to IP addresses. */
export type LookUp = (host: string) => Promise<string[]>;

/**
 * The IP addresses that a host name stands for, in the order in which the system would try them; an IP
 * address stands for itself. Rejects when there are none.
 */
export async function lookUp(host: string): Promise<string[]> {
  // Deno 2.5 would say that a module within this one is deprecated, which is no business of a user's.
  Object.assign(process, { noDeprecation: true });
  // Most hosts are called by their addresses, and needn't wait for it.
  const { lookup } = await import("node:dns/promises");
  try {
    return (await lookup(host, { all: true, order: "verbatim" })).map(({ address }) => address);
  } catch (cause) {
    throw new Error("no address was found for that name", { cause });
  }
}
