import net from "node:net";

/** A message as it goes over the wire. */
export const line = (message: object): string => JSON.stringify(message) + "\n";
/** The first message of a caller. */
export const HELLO = line({ action: "hello", id: 1, protocol: 1, agent: "hostile/1" });

/**
 * A caller that has said so many words, from an address of loopback. It may be reset, which the runtime's
 * own connections can't. It has no errors: the other end may close at any time.
 */
export async function call(address: string, said: string[], from: string): Promise<net.Socket> {
  const [host, port] = address.split(":");
  const caller = net.connect({ host, port: Number(port), localAddress: from });
  caller.on("error", () => {});
  await new Promise((resolve) => caller.once("connect", resolve).once("close", resolve));
  for (const word of said) caller.write(word);
  return caller;
}
