import type { Socket as NodeSocket } from "node:net";
import type { Socket } from "../../wire/transport.ts";

/**
 * A connection of `node:net` as others are used. Only there can the port be chosen from which a connection
 * goes out.
 */
export function fromNode(node: NodeSocket): Socket {
  /** Bytes that came and were not read: seldom more than one piece. */
  const chunks: Uint8Array[] = [];
  let ended = false;
  let failure: Error | undefined;
  let wake = () => {};
  // No more is taken from the system than is read here, so that the other end has to wait.
  node.pause();
  node.on("data", (chunk: Uint8Array) => {
    node.pause();
    chunks.push(chunk);
    wake();
  });
  node.on("end", () => {
    ended = true;
    wake();
  });
  node.on("error", (error) => failure ??= error);
  node.on("close", () => {
    failure ??= new Deno.errors.BadResource("closed");
    wake();
  });
  return {
    remoteAddr: { transport: "tcp", hostname: node.remoteAddress!, port: node.remotePort! },
    localAddr: { transport: "tcp", hostname: node.localAddress!, port: node.localPort! },
    async read(into) {
      while (chunks.length === 0) {
        if (ended) return null;
        if (failure) throw failure;
        const woken = new Promise<void>((resolve) => wake = resolve);
        node.resume();
        await woken;
      }
      const [first] = chunks as [Uint8Array];
      const part = first.subarray(0, into.length);
      into.set(part);
      if (part.length === first.length) chunks.shift();
      else chunks[0] = first.subarray(part.length);
      return part.length;
    },
    write: (bytes) =>
      new Promise((resolve, reject) => {
        if (failure) return reject(failure);
        // The buffer is the writer's again once this resolves.
        node.write(bytes, (error) => error ? reject(error) : resolve(bytes.length));
      }),
    close: () => node.destroy(),
  };
}
