/**
 * Announces made-up peers by multicast from the address given, a thousand each second: each with
 * another id, and a port at which nothing listens.
 */
import { LAN_PORT } from "../../../src/peer/lan/multicast.ts";

const [hostname = "0.0.0.0"] = Deno.args;
const socket = Deno.listenDatagram({ transport: "udp", hostname, port: 0, loopback: true });
const group = { transport: "udp", hostname: "239.255.83.72", port: LAN_PORT } as const;
console.log("flooding");
for (let sent = 0;; sent++) {
  const peer = sent.toString(16).padStart(64, "0");
  const beacon = JSON.stringify({ shoal: 1, ask: true, peer, port: 9 });
  await socket.send(new TextEncoder().encode(beacon), group);
  if (sent % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 10));
}
