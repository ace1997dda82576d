import { assert, assertEquals, assertRejects } from "@std/assert";
import { Fault } from "../../src/fault.ts";
import type { History } from "../../src/peer/api/ui_api.ts";
import type { PeerStatus, SharedFile, Transfer } from "../../src/peer/api/peer_api.ts";
import { Jobs } from "../../src/web/http/jobs.ts";
import { EventStreams } from "../../src/web/event_stream.ts";
import { StatusFeed } from "../../src/web/status_feed.ts";
import { FakeClock, settled } from "../support/fake_clock.ts";
import { SHARED, STATUS } from "../support/scripted_peer.ts";

/** A peer whose status the test changes. */
class ChangingPeer {
  asked = 0;
  current: PeerStatus = { ...STATUS, shares: [] };

  status(): Promise<PeerStatus> {
    this.asked++;
    return Promise.resolve(this.current);
  }

  moved: [up: number, down: number][] = [[0, 0]];

  history(): Promise<History> {
    const second = this.moved.length - 1;
    const [up, down] = [0, 1].map((at) => this.moved.map((one) => one[at]));
    return Promise.resolve({ interval: 1, second, up, down });
  }

  share(...names: string[]): void {
    const shares = names.map((name): SharedFile => ({ ...SHARED, name }));
    this.current = { ...this.current, shares };
  }
}

/** An event that only says that the peer is there. */
const HEARTBEAT = "event: heartbeat\ndata:";

interface Change {
  id: string;
  // deno-lint-ignore no-explicit-any
  data: any;
}

/** Reads the events of a response one by one. */
class Listener {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(response: Response) {
    assertEquals(response.headers.get("content-type"), "text/event-stream");
    this.#reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** The next block: an event, a comment, or what to wait before another try. */
  async block(): Promise<string> {
    while (!this.#text.includes("\n\n")) {
      const { value, done } = await this.#reader.read();
      if (done) return "";
      this.#text += value;
    }
    const end = this.#text.indexOf("\n\n");
    const block = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 2);
    return block;
  }

  async change(): Promise<Change> {
    for (;;) {
      const block = await this.block();
      if (!block.startsWith("id: ")) continue;
      const [id, event, data] = block.split("\n");
      assertEquals(event, "event: change");
      return { id: id.slice(4), data: JSON.parse(data.slice("data: ".length)) };
    }
  }

  leave(): Promise<void> {
    return this.#reader.cancel();
  }
}

function streamsOf() {
  const peer = new ChangingPeer();
  const clock = new FakeClock();
  const feed = new StatusFeed(peer, new Jobs(), clock);
  return { peer, clock, feed, streams: new EventStreams(feed, clock) };
}

Deno.test("events: first everything, then only what changed, within 250 ms", async () => {
  const { peer, clock, streams } = streamsOf();
  peer.share("a", "b");
  const listener = new Listener(streams.open());
  assertEquals(await listener.block(), HEARTBEAT);
  const { data } = await listener.change();
  assertEquals(data.status.peer, STATUS.peer);
  assertEquals(data.status.shares, undefined);
  assertEquals([data.shares.reset, data.shares.set.length], [true, 2]);
  peer.share("b", "c");
  const next = listener.change();
  await clock.pass(250);
  const { data: then } = await next;
  assertEquals(then.status, undefined, "what is the same isn't said again");
  assertEquals(then.shares.gone, ["a"]);
  assertEquals(then.shares.set.map(({ name }: SharedFile) => name), ["c"]);
  await listener.leave();
});

Deno.test("events: nothing is said, and nobody asked, when nothing changes or nobody listens", async () => {
  const { peer, clock, feed, streams } = streamsOf();
  const listener = new Listener(streams.open());
  await listener.change();
  const next = listener.block();
  await clock.pass(15_000);
  assertEquals(await next, HEARTBEAT);
  await listener.leave();
  await settled();
  assertEquals(feed.listeners, 0);
  const before = peer.asked;
  await clock.pass(60_000);
  assertEquals(peer.asked, before);
  assertEquals(clock.pending, 0);
});

Deno.test("events: who comes back hears what it missed; of another run, everything", async () => {
  const { peer, clock, streams } = streamsOf();
  peer.share("a");
  const stays = new Listener(streams.open());
  const { id } = await stays.change();
  peer.share("a", "b");
  const missed = stays.change();
  await clock.pass(250);
  await missed;
  const back = new Listener(streams.open(id));
  const { data } = await back.change();
  assertEquals([data.shares.reset, data.shares.set.length], [false, 1]);
  for (const other of ["00000000.1.1", id.replace(/\.\d+\.\d+$/, ".999.999"), "x", "", `${id}.1`]) {
    const listener = new Listener(streams.open(other));
    const { data } = await listener.change();
    assertEquals([data.shares.reset, data.shares.set.length], [true, 2], other);
    await listener.leave();
  }
  await Promise.all([stays.leave(), back.leave()]);
});

Deno.test("events: of transfers, fields and seconds only those that moved", async () => {
  const { peer, clock, streams } = streamsOf();
  const about = { direction: "up", state: "active", sources: 1, retries: 0, from: [] } as const;
  const [first, ...others] = [1, 2, 3].map((transfer): Transfer => ({
    ...{ ...about, from: [], transfer, name: `file ${transfer}`, started: 0 },
    ...{ bytes: 0, percent: 0, rate: 0 },
  }));
  peer.current = { ...peer.current, transfers: [first, ...others] };
  peer.moved = [[0, 0], [5, 6]];
  const listener = new Listener(streams.open());
  const { id, data: whole } = await listener.change();
  assertEquals([whole.transfers.reset, whole.transfers.set.length], [true, 3]);
  assertEquals(whole.rates, { second: 1, moved: [[1, 5, 6]] });
  const changed = { ...others[0], bytes: 123 };
  peer.current = {
    ...peer.current,
    transfers: [first, changed],
    totals: { served: 1, fetched: 2 },
  };
  peer.moved.push([0, 0], [7, 0]);
  const next = listener.change();
  await clock.pass(250);
  const { data } = await next;
  assertEquals(data.status, { totals: { served: 1, fetched: 2 } });
  assertEquals(data.transfers, { reset: false, set: [changed], gone: [3] });
  assertEquals(data.rates, { second: 3, moved: [[3, 7, 0]] });
  assertEquals([data.shares, data.partials], [undefined, undefined]);
  // Who comes back hears all of that at once; seconds in which nothing moves are no change.
  const back = new Listener(streams.open(id));
  assertEquals((await back.change()).data, data);
  peer.moved.push([0, 0]);
  const quiet = listener.block();
  await clock.pass(15_000);
  assertEquals(await quiet, HEARTBEAT);
  await Promise.all([listener.leave(), back.leave()]);
});

Deno.test("events: many shares come in parts, also to who comes back in between", async () => {
  const { peer, streams } = streamsOf();
  peer.share(...Array.from({ length: 1_234 }, (_, i) => `file ${i}`));
  const names = new Set<string>();
  let id: string | undefined;
  let events = 0;
  while (names.size < 1_234) {
    const listener = new Listener(streams.open(id));
    const change = await listener.change();
    id = change.id;
    assertEquals(change.data.shares.reset, events === 0);
    assert(change.data.shares.set.length <= 500);
    for (const { name } of change.data.shares.set) names.add(name);
    events++;
    await listener.leave();
  }
  assertEquals(events, 3);
});

Deno.test("events: what went while nobody could remember it leads to a fresh start", async () => {
  const { peer, clock, streams } = streamsOf();
  const stays = new Listener(streams.open());
  const { id } = await stays.change();
  const names = Array.from({ length: 1_500 }, (_, i) => `file ${i}`);
  for (const shared of [names, ["left"]]) {
    peer.share(...shared);
    const next = stays.change();
    await clock.pass(250);
    await next;
  }
  const back = new Listener(streams.open(id));
  const { data } = await back.change();
  assertEquals(data.shares.reset, true);
  assertEquals(data.shares.set.map(({ name }: SharedFile) => name), ["left"]);
  await Promise.all([stays.leave(), back.leave()]);
});

Deno.test("events: a listener that doesn't read gets one change for all that it missed", async () => {
  const { peer, clock, streams } = streamsOf();
  const slow = new Listener(streams.open());
  await slow.change();
  for (let i = 1; i <= 50; i++) {
    peer.current = { ...peer.current, totals: { served: i, fetched: 0 } };
    await clock.pass(200);
  }
  const served: number[] = [];
  while (served.at(-1) !== 50) served.push((await slow.change()).data.status.totals.served);
  assert(served.length <= 5, `${served.length} changes were kept for it`);
  await slow.leave();
});

Deno.test("events: so many may listen, and no more; a stopping peer ends them", async () => {
  const { feed, streams } = streamsOf();
  const listeners = Array.from({ length: 32 }, () => new Listener(streams.open()));
  await Promise.all(listeners.map((one) => one.change()));
  assertEquals(feed.listeners, 32);
  await assertRejects(() => Promise.resolve().then(() => streams.open()), Fault, "32 pages");
  const ends = listeners.map((one) => one.block());
  streams.close();
  assertEquals(new Set(await Promise.all(ends)), new Set([""]));
  assertEquals(feed.listeners, 0);
});
