/**
 * An IPv4 address of this machine that isn't loopback: connections to it from here come from that
 * address. Undefined where there is none.
 */
export function outsideAddress(): string | undefined {
  return Deno.networkInterfaces()
    .find(({ family, address }) => family === "IPv4" && !/^(127|169\.254)\./.test(address))
    ?.address;
}

/** The reason why a test can't call this machine from anywhere but loopback. */
export const noNetwork = outsideAddress() ? undefined : "this machine has no network address";
