import { assertEquals } from "@std/assert";
import { Listener, type ListenerOptions } from "../../src/peer/serve/listener.ts";
import { ActiveDownloads } from "../../src/peer/serve/active_downloads.ts";
import { Uploader } from "../../src/peer/serve/uploader.ts";
import { UploadSlots } from "../../src/peer/serve/upload_slots.ts";
import { CHUNK_SIZE } from "../../src/wire/protocol.ts";
import { type Bytes, patterned } from "./bytes.ts";
import { RawEnd } from "./sockets.ts";
import { State } from "./state.ts";
import { TempFolder } from "./temp_folder.ts";

const MIB = 1 << 20;
/** The id of the peer that serves. */
export const ME = "ab".repeat(32);
/** The id of the one that calls. */
export const YOU = "cd".repeat(32);
/** The first request of that caller. */
export const HELLO = { action: "hello", id: 1, protocol: 1, agent: "test/1", peer: YOU };

/** A request for what a peer has of a file. */
export const have = (id: number, file = "11".repeat(32)) => ({ action: "have", id, file });

interface Serving extends AsyncDisposable {
  state: State;
  downloads: ActiveDownloads;
  slots: UploadSlots;
  share: { id: string; content: Bytes };
  served: [what: string, bytes: number][];
  /** A caller that has said hello. */
  call(hello?: object): Promise<RawEnd>;
}

/** A peer that serves one file of 3 MiB and a chunk, and the downloads that a test adds. */
export async function serving(options: { slots?: number; listener?: ListenerOptions } = {}) {
  const folder = await TempFolder.create();
  const state = new State(folder.at("state.db"));
  const content = patterned(3 * MIB + CHUNK_SIZE);
  const share = await state.share(await folder.write("shared/file", content), "a/file");
  const downloads = new ActiveDownloads();
  const slots = new UploadSlots(options.slots);
  const served: Serving["served"] = [];
  const uploader = new Uploader({
    prove: () => Promise.resolve({}),
    ...{ self: { agent: "served/1", peer: ME }, digests: state.digests, library: state.library },
    ...{ reader: state.reader, downloads, slots },
    onServed: ({ name }, bytes) => served.push([name, bytes]),
    onChanged: (it) => (it.available = false),
  });
  const listener = new Listener(
    { host: "127.0.0.1", port: 0 },
    (connection) => uploader.serve(connection),
    options.listener,
  );
  const ends: RawEnd[] = [];
  const it: Serving = {
    ...{ state, downloads, slots, served },
    share: { id: share.announcement.id, content },
    async call(hello = {}) {
      const end = await RawEnd.connect(listener.address);
      ends.push(end);
      await end.send({ ...HELLO, ...hello });
      assertEquals((await end.line()).action, "hello");
      return end;
    },
    async [Symbol.asyncDispose]() {
      for (const end of ends) end.close();
      await listener.stop();
      assertEquals(slots.held, 0, "slots are given back");
      state[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
  return it;
}

/** The code of the refusal that a request gets. */
export async function codeOf(end: RawEnd, request: object): Promise<string> {
  await end.send(request);
  const reply = await end.line();
  assertEquals(reply.action, "error");
  return reply.code;
}
