/** Connections from a port of one's own choice, for hole punching: `node:net` alone can make them. */
import { connect, type Socket as NodeSocket } from "node:net";
import { Fault } from "../../fault.ts";
import type { Address } from "../../wire/address.ts";

/**
 * Connects from a local port. Throws what the system says; a Fault where the runtime passes over the
 * port (Deno before 2.7.10); or the signal's reason.
 */
export function connectFrom(
  localPort: number,
  { host, port }: Address,
  signal: AbortSignal,
): Promise<NodeSocket> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const family = host.includes(":") ? 6 : 4;
    const localAddress = family === 6 ? "::" : "0.0.0.0";
    const socket = connect({ host, port, localAddress, localPort, family });
    const abort = () => {
      socket.destroy();
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort);
    const settled = () => signal.removeEventListener("abort", abort);
    socket.once("error", (error) => {
      settled();
      socket.destroy();
      reject(error);
    });
    socket.once("connect", () => {
      settled();
      if (socket.localPort === localPort) {
        socket.setNoDelay(true);
        return resolve(socket);
      }
      socket.destroy();
      reject(new Fault("network", "this runtime can't choose the port that it calls from"));
    });
  });
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
