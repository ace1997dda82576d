/**
 * TLS that shows a caller the certificate for the name it asks for, or an alert and no certificate at
 * all. No public API of the runtime chooses one by name: `Deno.listenTls` takes a single certificate,
 * unless it is given an option whose name is a symbol in `Deno[Deno.internal]`. All versions that are
 * supported have it. Nothing else may use that object.
 */
import { Fault } from "../fault.ts";
import type { Address } from "../wire/address.ts";
import type { Leaf } from "./swarm_authority.ts";

/** The certificate for a name, empty where a caller names none. What it throws refuses the caller. */
export type LeafFor = (name: string) => Promise<Leaf>;

export interface ListenByNameOptions {
  /** The runtime keeps each answer, about 2 KB, while it listens: told each time there are so many more. */
  most: number;
  onMost: () => void;
}

/** Throws what the system says when the address can't be listened on; a `usage` Fault on another runtime. */
export function listenByName(
  { host, port }: Address,
  leafFor: LeafFor,
  { most, onMost }: ListenByNameOptions,
): Deno.TlsListener {
  let names = 0;
  const choose: LeafFor = (name) => {
    if (++names % most === 0) onMost();
    return leafFor(name);
  };
  const options = { hostname: host, port, [chooserSymbol()]: choose };
  return Deno.listenTls(options as unknown as Parameters<typeof Deno.listenTls>[0]);
}

/** What the option is called. */
function chooserSymbol(): symbol {
  const runtime = Deno as unknown as { internal: symbol } & Record<symbol, unknown>;
  const { resolverSymbol } = (runtime[runtime.internal] ?? {}) as { resolverSymbol?: unknown };
  if (typeof resolverSymbol === "symbol") return resolverSymbol;
  throw new Fault(
    "usage",
    `Cannot listen in a private swarm: Deno ${Deno.version.deno} can't choose a certificate by name`,
    { next: "run it with Deno 2.5 to 2.9" },
  );
}
