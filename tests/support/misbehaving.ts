import { delay } from "../../src/async/retry.ts";
import type { Bytes } from "./bytes.ts";
import type { PeerRequest } from "./honest_answers.ts";
import type { RawEnd } from "./sockets.ts";

/** The conduct of a peer from a given message on, in place of the right one. */
type Behaviour = (end: RawEnd, right: Bytes, request: PeerRequest) => Promise<unknown>;

export const BEHAVIOURS: Record<string, Behaviour> = {
  "falls silent": (end) => end.closed(),
  "sends a byte every 19 s": (end, right) => slowly(end, right, { bytes: 1, ms: 19_000 }),
  "sends 1 KB a second": (end, right) => slowly(end, right, { bytes: 100, ms: 100 }),
  "sends 20 bytes a second": (end, right) => slowly(end, right, { bytes: 2, ms: 100 }),
  "never ends": async (end, right) => {
    await end.send(right);
    for (const more = new Uint8Array(65_536).fill(120);;) await end.send(more);
  },
  "repeats a refusal": async (end, _right, { id }) => {
    for (let next: PeerRequest | null = { id } as PeerRequest; next; next = await end.line()) {
      await end.send({ action: "error", id: next.id, code: "not_yet", message: "" });
    }
  },
  "answers something else": (end, _right, { id }) =>
    end.send({ action: "sources", id, payload: 0 }).then(() => end.closed()),
  "floods notices": async (end, _right) => {
    for (;;) await end.send({ action: "has", file: "ab".repeat(32), runs: [[0, 1_000_000]] });
  },
  "closes half": async (end, right) => {
    await end.send(right.subarray(0, right.length / 2));
    await end.conn.closeWrite();
    await end.closed();
  },
  "never reads": (end, right) => end.send(right.subarray(0, right.length / 2)).then(() => end.over),
  "closes": (end, right) => end.send(right.subarray(0, right.length / 2)),
};

async function slowly(end: RawEnd, right: Bytes, { bytes, ms }: { bytes: number; ms: number }) {
  const over = new AbortController();
  const closed = end.closed().finally(() => over.abort());
  try {
    for (let at = 0; at < right.length; at += bytes) {
      await end.send(right.subarray(at, at + bytes));
      await delay(ms, over.signal);
    }
  } catch {
    // The other end has had enough.
  }
  await closed;
}

/** A script of a peer that answers rightly up to the first message of a kind, and then misbehaves. */
export function misbehaving(
  answers: (request: PeerRequest) => Promise<Bytes>,
  at: string,
  behaviour: Behaviour,
): (end: RawEnd) => Promise<void> {
  return async (end) => {
    try {
      for (let request: PeerRequest; (request = await end.line());) {
        if (request.id === undefined) continue;
        const right = await answers(request);
        if (request.action === at) return void await behaviour(end, right, request);
        await end.send(right);
      }
    } catch {
      // The other end has closed in the midst of it.
    }
  };
}
