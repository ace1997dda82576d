import { assertEquals } from "@std/assert";
import { PeerEvents } from "../../../src/peer/status/peer_events.ts";

const started = (name: string) => ({ event: "download_started", name }) as const;

Deno.test("events: each listener gets those since it began, in order", async () => {
  const events = new PeerEvents();
  const end = new AbortController();
  events.emit(started("before"));
  const first = Array.fromAsync(events.listen(end.signal));
  events.emit(started("a"));
  const second = Array.fromAsync(events.listen(end.signal));
  await Promise.resolve();
  events.emit(started("b"));
  end.abort();
  events.emit(started("after"));
  assertEquals(await first, [started("a"), started("b")]);
  assertEquals(await second, [started("b")]);
});

Deno.test("events: of a slow listener 1,000 wait, and it hears how many it missed", async () => {
  const events = new PeerEvents();
  const end = new AbortController();
  const slow = events.listen(end.signal);
  for (let n = 0; n < 1_002; n++) events.emit(started(`${n}`));
  end.abort();
  const seen = await Array.fromAsync(slow);
  assertEquals(seen.slice(0, 2), [{ event: "missed", count: 2 }, started("2")]);
  assertEquals(seen.length, 1_001);
});

Deno.test("events: a listener that leaves while it waits is let go of at once", async () => {
  const events = new PeerEvents();
  const listener = events.listen(new AbortController().signal);
  const waits = listener.next();
  assertEquals((await listener.return()).done, true);
  assertEquals((await waits).done, true);
  events.emit(started("a"));
  assertEquals((await listener.next()).done, true);
});
