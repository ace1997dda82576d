/** Stands for all addresses of this machine, of both families where it has both. */
export const EVERYWHERE = "*";

/**
 * The host to listen on for connections of both families: `::`, or `0.0.0.0` where IPv6 is off, or where
 * a listener on `::` gets no connections over IPv4 (as on Windows).
 */
export function wildcardHost(): string {
  try {
    using six = Deno.listen({ hostname: "::", port: 0 });
    try {
      // Where `::` means both families, the port is taken in the other one, too.
      Deno.listen({ hostname: "0.0.0.0", port: six.addr.port }).close();
      return "0.0.0.0";
    } catch {
      return "::";
    }
  } catch {
    return "0.0.0.0";
  }
}
