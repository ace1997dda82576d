/**
 * Sources that answer rightly up to a message and then misbehave: a table over messages, behaviours and
 * places. A sample runs always, all of it with HOSTILE=all (deno task test:hostile).
 */
import { assert, assertEquals, assertLess } from "@std/assert";
import { Fault } from "../../../src/fault.ts";
import { BatchFetcher } from "../../../src/peer/download/batch_fetcher.ts";
import { Downloader } from "../../../src/peer/download/downloader.ts";
import { PeerSource } from "../../../src/peer/download/peer_source.ts";
import { assertSameBytes, type Bytes, patterned } from "../../support/bytes.ts";
import { honestAnswers } from "../../support/honest_answers.ts";
import { MemorySink } from "../../support/memory_sink.ts";
import { MemoryFile } from "../../support/memory_source.ts";
import { BEHAVIOURS, misbehaving } from "../../support/misbehaving.ts";
import { newState } from "../../support/new_state.ts";
import { referenceIdOf } from "../../support/reference_tree.ts";
import { Scripted } from "../../support/sockets.ts";

const SELF = { agent: "test/1", peer: "cd".repeat(32) };
const FILE = new MemoryFile(patterned((1 << 20) + 1));
const SMALL = Array.from({ length: 200 }, (_, at) => patterned(3_000 + at, at));
const CONTENTS = SMALL.map((bytes) => ({ id: referenceIdOf(bytes), size: bytes.length, bytes }));
const ALL = Deno.env.get("HOSTILE") === "all";
/** The wait of a download without progress, in milliseconds. */
const WAIT_MS = 3_000;

const KINDS = {
  file: { messages: ["hello", "have", "get_digests", "get_chunks"], fetch: fetchFile },
  folder: { messages: ["hello", "get_files"], fetch: fetchFolder },
};
/** The number of sources that misbehave, an honest one after them or not, and the longest it may take. */
const PLACES = {
  "the only one": { hostile: 1, honest: false, ms: 30_000, atOnce: 20 },
  "one of two": { hostile: 1, honest: true, ms: 30_000, atOnce: 20 },
  "40 before an honest one": { hostile: 40, honest: true, ms: 60_000, atOnce: 3 },
};

async function fetchFile(sources: PeerSource[], signal: AbortSignal, waitMs: number) {
  await using state = await newState();
  const sink = new MemorySink(FILE.size);
  const { id, size } = FILE;
  const options = { id, size, sink, digests: state.digests, sources, signal, waitMs };
  await new Downloader(options).run();
  assertSameBytes(sink.content, FILE.content);
}

async function fetchFolder(sources: PeerSource[], signal: AbortSignal, waitMs: number) {
  const came = new Map<string, Bytes>();
  await new BatchFetcher({
    files: CONTENTS.map(({ id, size }) => ({ id, size })),
    sources,
    find: () => Promise.resolve(),
    onFiles: (files) => {
      for (const { id, bytes } of files) {
        assert(!came.has(id), "each file comes once");
        came.set(id, bytes.slice());
      }
    },
    signal,
    waitMs,
  }).run();
  for (const { id, bytes } of CONTENTS) assertSameBytes(came.get(id)!, bytes);
}

interface Cell {
  kind: keyof typeof KINDS;
  message: string;
  behaviour: string;
  place: keyof typeof PLACES;
}

function* cells(): Generator<Cell> {
  for (const kind of Object.keys(KINDS) as (keyof typeof KINDS)[]) {
    for (const message of KINDS[kind].messages) {
      for (const behaviour of Object.keys(BEHAVIOURS)) {
        for (const place of Object.keys(PLACES) as (keyof typeof PLACES)[]) {
          // Those in the middle of a content are the most telling; 40 at a time cost most.
          const telling = /have|get_chunks|get_files/.test(message);
          const sample = telling && place !== "40 before an honest one";
          // They bring what they are asked for, late or not: alone, each is a source like others.
          if (/never ends|1 KB/.test(behaviour) && place === "the only one") continue;
          if (ALL || sample) yield { kind, message, behaviour, place };
        }
      }
    }
  }
}

async function check({ kind, message, behaviour, place }: Cell): Promise<void> {
  const { hostile, honest, ms } = PLACES[place];
  const answers = honestAnswers(FILE.content, SMALL);
  const script = misbehaving(answers, message, BEHAVIOURS[behaviour]!);
  const peers = Array.from({ length: hostile }, () => new Scripted(script));
  if (honest) peers.push(new Scripted(misbehaving(answers, "", BEHAVIOURS[behaviour]!)));
  const content = kind === "file" ? FILE : { id: "ab".repeat(32), size: 1 };
  const sources = peers.map(({ address }) => new PeerSource(content, address, SELF));
  const late = AbortSignal.timeout(ms);
  const began = performance.now();
  let error: unknown;
  try {
    const waitMs = honest ? ms : WAIT_MS;
    await KINDS[kind].fetch(sources, late, waitMs).catch((thrown) => error = thrown);
  } finally {
    for (const source of sources) source.close();
    for (const peer of peers) await peer[Symbol.asyncDispose]();
  }
  const what = `${kind}, ${message}, ${behaviour}, ${place}: ${error}`;
  assertLess(performance.now() - began, ms, what);
  if (honest) assertEquals(error, undefined, what);
  else if (error) assert(error instanceof Fault && error.kind !== "deadline", what);
  assertLess(Math.max(...peers.map(({ accepted }) => accepted)), 12, `connections: ${what}`);
}

for (const kind of Object.keys(KINDS) as (keyof typeof KINDS)[]) {
  for (const place of Object.keys(PLACES) as (keyof typeof PLACES)[]) {
    const some = [...cells()].filter((cell) => cell.kind === kind && cell.place === place);
    if (some.length === 0) continue;
    Deno.test(`hostile sources: a ${kind}, ${place}: ${some.length} ways`, async () => {
      const { atOnce } = PLACES[place];
      for (let at = 0; at < some.length; at += atOnce) {
        await Promise.all(some.slice(at, at + atOnce).map(check));
      }
    });
  }
}
