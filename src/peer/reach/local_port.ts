/** Connections from a port of one's own choice, for hole punching: `node:net` alone can make them. */
import { once } from "node:events";
import { connect, type Socket as NodeSocket } from "node:net";
import { Fault } from "../../fault.ts";
import type { Address } from "../../wire/address.ts";

/**
 * Connects from a local port. Throws what the system says; a Fault where the runtime passes over the
 * port (Deno before 2.7.10); or the signal's reason.
 */
export async function connectFrom(
  localPort: number,
  { host, port }: Address,
  signal: AbortSignal,
): Promise<NodeSocket> {
  signal.throwIfAborted();
  const family = host.includes(":") ? 6 : 4;
  const localAddress = family === 6 ? "::" : "0.0.0.0";
  const socket = connect({ host, port, localAddress, localPort, family });
  // One that comes when nothing waits for it must not end the process.
  socket.on("error", () => {});
  try {
    await once(socket, "connect", { signal });
    if (socket.localPort !== localPort) {
      throw new Fault("network", "this runtime can't choose the port that it calls from");
    }
    return socket.setNoDelay(true);
  } catch (error) {
    socket.destroy();
    signal.throwIfAborted();
    throw error;
  }
}

/** A port from which nothing goes out, and at which nothing listens. */
export function freshPort(): number {
  using listener = Deno.listen({ hostname: "0.0.0.0", port: 0 });
  return listener.addr.port;
}

let known: Promise<boolean> | undefined;

/** True where the runtime can choose the port that it calls from. */
export function canChoosePort(): Promise<boolean> {
  return known ??= tryPort();
}

async function tryPort(): Promise<boolean> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  try {
    const to = { host: "127.0.0.1", port: listener.addr.port };
    const [socket, accepted] = await Promise.all([
      connectFrom(freshPort(), to, AbortSignal.timeout(1_000)),
      listener.accept(),
    ]);
    accepted.close();
    socket.destroy();
    return true;
  } catch {
    return false;
  }
}
