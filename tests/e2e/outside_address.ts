/**
 * An IPv4 address of this machine that isn't loopback: whoever connects to it from here is seen as
 * coming from it. Undefined where there is none.
 */
export function outsideAddress(): string | undefined {
  return Deno.networkInterfaces()
    .find(({ family, address }) => family === "IPv4" && !/^(127|169\.254)\./.test(address))
    ?.address;
}

/** Why a test can't call this machine from anywhere but loopback. */
export const noNetwork = outsideAddress() ? undefined : "this machine has no network address";
