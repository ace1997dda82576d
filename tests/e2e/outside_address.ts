/**
 * An IPv4 address of this machine that isn't loopback: whoever connects to it from here is seen as
 * coming from it. Undefined where there is none.
 */
export function outsideAddress(): string | undefined {
  return Deno.networkInterfaces()
    .find(({ family, address }) => family === "IPv4" && !/^(127|169\.254)\./.test(address))
    ?.address;
}
