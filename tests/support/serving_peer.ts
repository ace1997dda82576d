import { Listener } from "../../src/peer/serve/listener.ts";
import { PeerSource } from "../../src/peer/download/peer_source.ts";
import { Uploader } from "../../src/peer/serve/uploader.ts";
import { signProof } from "../../src/trust/proof.ts";
import type { Bytes } from "./bytes.ts";
import { PROVER } from "./prover.ts";
import { State } from "./state.ts";
import { TempFolder } from "./temp_folder.ts";

/** The peer that fetches. */
export const SELF = { agent: "test/1", peer: "cd".repeat(32) };

/** A peer that does nothing but serve one file. */
export async function servingPeer(content: Bytes) {
  const folder = await TempFolder.create();
  const state = new State(folder.at("state.db"));
  const path = await folder.write("shared/file", content);
  const share = await state.share(path, "a/file");
  const served: number[] = [];
  const changed: string[] = [];
  const uploader = new Uploader({
    prove: (challenge) => signProof(PROVER, challenge),
    ...{ self: { agent: "served/1", peer: PROVER.id }, digests: state.digests },
    ...{ library: state.library, reader: state.reader },
    onServed: (_share, bytes) => served.push(bytes),
    onChanged: (it) => {
      it.available = false;
      changed.push(it.announcement.name);
    },
  });
  const listener = new Listener(
    { host: "127.0.0.1", port: 0 },
    (connection) => uploader.serve(connection),
  );
  const { address } = listener;
  let stopped: Promise<void> | undefined;
  const stop = () => stopped ??= listener.stop();
  return {
    ...{ folder, state, path, share, served, changed, address, stop },
    id: share.announcement.id,
    source: () =>
      new PeerSource({ id: share.announcement.id, size: content.length }, address, SELF),
    [Symbol.asyncDispose]: async () => {
      await stop();
      state[Symbol.dispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
}
