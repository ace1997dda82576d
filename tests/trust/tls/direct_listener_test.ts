import { assertEquals } from "@std/assert";
import { DirectListener } from "../../../src/trust/tls/direct_listener.ts";
import { present, SwarmAuthority } from "../../../src/trust/tls/swarm_authority.ts";
import { eventually } from "../../e2e/checks.ts";
import { ANYWHERE } from "../../support/member.ts";
import { RawEnd } from "../../support/sockets.ts";

Deno.test("direct listener: callers count only for as long as they leave a handshake unfinished", async () => {
  const presented = await present([await SwarmAuthority.from(new Uint8Array(32))]);
  const held: number[] = [];
  const listener = new DirectListener(ANYWHERE, presented, (n) => held.push(n));
  const giveUp = async (...said: number[][]) => {
    const end = await RawEnd.connect(listener.address);
    const socket = await listener.accept();
    const reading = socket.read(new Uint8Array(1)).then(() => "read", () => "ended");
    for (const bytes of said) await end.send(new Uint8Array(bytes));
    socket.close();
    assertEquals(await reading, "ended");
    return end;
  };
  const ends = [await giveUp(), await giveUp([22, 3, 1, 0, 200, 1]), await giveUp()];
  assertEquals(held, [1, 2, 3]);
  for (const end of ends) end.close();
  await eventually("those that left count no more", async () => {
    (await giveUp()).close();
    return held.at(-1) === 1;
  });
  await listener.close();
});
