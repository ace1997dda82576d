/** TLS over sockets that are open already, whichever end connected. */
import { closeQuietly, type Socket } from "../../wire/transport.ts";
import type { Presented } from "./certificates.ts";
import { Gate } from "./gate.ts";
import { LoopbackTls } from "./loopback_tls.ts";
import { pump } from "./pump.ts";
import { startTls } from "./start_tls.ts";

/**
 * The caller's side, as startTls has it. The runtime takes only TCP connections of its own, so what is
 * none is copied to one on loopback.
 */
export async function callTlsOver(
  socket: Socket,
  caCerts: string[],
  signal: AbortSignal,
): Promise<Socket> {
  const tcp = socket.tcp ?? await toLoopback(socket);
  const tls = await startTls(tcp, caCerts, signal);
  return {
    encrypted: true,
    remoteAddr: socket.remoteAddr,
    localAddr: socket.localAddr,
    read: (into) => tls.read(into),
    write: (bytes) => tls.write(bytes),
    close: () => {
      closeQuietly(tls);
      closeQuietly(socket);
    },
  };
}

/** The callee's side: `first` is what was read from it already. The socket is the gate's from now on. */
export function answerTlsOver(
  socket: Socket,
  presented: () => Promise<Presented>,
  first?: Uint8Array,
): Gate {
  const enter = async () => {
    const inside = new LoopbackTls(await presented());
    try {
      return await inside.enter();
    } finally {
      await inside.close();
    }
  };
  return new Gate(socket, enter, first);
}

/** A TCP connection on loopback with the socket at its other end. */
async function toLoopback(socket: Socket): Promise<Deno.TcpConn> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const near = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  near.setNoDelay(true);
  for (;;) {
    const far = await listener.accept();
    // Others on this machine may connect there, and get nowhere.
    if (far.remoteAddr.port !== near.localAddr.port) {
      far.close();
      continue;
    }
    far.setNoDelay(true);
    const close = () => [socket, far].forEach(closeQuietly);
    void pump(far, socket).finally(close);
    void pump(socket, far).finally(close);
    return near;
  }
}
