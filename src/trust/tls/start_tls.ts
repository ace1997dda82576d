import { closeQuietly } from "../../wire/transport.ts";
import { LISTENER_NAME } from "./certificates.ts";

/**
 * The caller's side of a TLS handshake over a connection, which it owns from then on, with a listener
 * that one of the authorities, in PEM, has certified. Throws the signal's reason, or what the handshake
 * failed with; nothing is left open then.
 */
export async function startTls(
  tcp: Deno.TcpConn,
  caCerts: string[],
  signal: AbortSignal,
): Promise<Deno.TlsConn> {
  let end: { close(): void } = tcp;
  const abort = () => end.close();
  signal.addEventListener("abort", abort);
  try {
    const tls = await Deno.startTls(tcp, { hostname: LISTENER_NAME, caCerts });
    end = tls;
    signal.throwIfAborted();
    await tls.handshake();
    return tls;
  } catch (cause) {
    closeQuietly(end);
    signal.throwIfAborted();
    throw cause;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
