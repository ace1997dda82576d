import { Uploader } from "../../../src/peer/serve/uploader.ts";
import { Connection } from "../../../src/wire/connection.ts";
import { PAYLOAD_CAP } from "../../../src/wire/protocol.ts";
import { patterned } from "../../support/bytes.ts";
import { referenceIdOf } from "../../support/reference_tree.ts";
import { isAllowed, must } from "../allow.ts";
import { FILE, LEGACY_MESSAGES, PEER, PEER_REQUESTS } from "../samples.ts";
import { scriptedConn, seedOf } from "../scripted_conn.ts";
import type { Target } from "../target.ts";
import { TempState } from "../temp_state.ts";
import { linesOf } from "../text.ts";

const CONTENT = patterned(70_000);
const ID = referenceIdOf(CONTENT);
const temp = new TempState();
let serving: Promise<Uploader> | undefined;

async function makeUploader(): Promise<Uploader> {
  const { folder, state } = await temp.get();
  await state.share(await folder.write("a", CONTENT), "a");
  return new Uploader({
    ...{ library: state.library, digests: state.digests, reader: state.reader },
    self: { agent: "fuzz/1", peer: PEER },
    prove: () => Promise.resolve({ nonce: "00".repeat(32), proof: "00".repeat(64) }),
    onServed() {},
    onChanged: () => must(false, "the file is there"),
  });
}

const about = (file: string) =>
  PEER_REQUESTS.map((request) => ("file" in request ? { ...request, file } : request));

/** A whole conversation with a peer that serves a file, cut in pieces anywhere. */
export const peerCallee: Target = {
  name: "peer_callee",
  weight: 14,
  seeds: [
    linesOf(...about(ID)),
    linesOf(...about(FILE)),
    linesOf(PEER_REQUESTS[0], { action: "get_chunks", id: 2, file: ID, first: 1, count: 1 }),
    linesOf({ action: "register", id: 1 }),
    ...LEGACY_MESSAGES.map((message) => linesOf(message, message)),
  ],
  async run(input) {
    const uploader = await (serving ??= makeUploader());
    let written = 0;
    const conn = scriptedConn(input, {
      seed: seedOf(input),
      onWrite(bytes) {
        must(bytes.length <= PAYLOAD_CAP + 65_536, "a message is within its caps");
        written += bytes.length;
      },
    });
    using connection = new Connection(conn);
    try {
      await uploader.serve(connection);
    } catch (error) {
      if (!isAllowed(error, ["network"])) throw error;
    }
    // A request has 60 bytes at least, and what it is answered with is at most this file.
    must(written <= 200_000 + input.length * 2_000, "what is sent is bounded by what was asked");
  },
  async close() {
    serving = undefined;
    await temp.close();
  },
};
