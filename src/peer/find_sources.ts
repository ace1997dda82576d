import type { PeerRecord } from "../wire/protocol.ts";
import { PeerSource, type Self, type Source } from "./source.ts";
import type { Swarm } from "./swarm.ts";

/**
 * Who else has a content, while it is being fetched: those that the bootstraps name, and those that the
 * connected sources name, so that a download outlives every bootstrap. Who doesn't answer is passed
 * over.
 */
export async function findSources(
  content: { id: string; size: number },
  connected: Source[],
  { swarm, self, signal }: { swarm: Swarm; self: Self; signal?: AbortSignal },
): Promise<Source[]> {
  const listed = async () => {
    const offers = await swarm.find({ file: content.id }, signal);
    return offers.flatMap(({ sources }) => sources);
  };
  const answers = await Promise.allSettled([listed(), ...connected.map((one) => one.peers())]);
  const records = new Map<string, PeerRecord>();
  for (const answer of answers) {
    for (const record of answer.status === "fulfilled" ? answer.value : []) {
      if (record.peer !== self.peer) records.set(`${record.address} ${record.port}`, record);
    }
  }
  return [...records.values()].map(({ address, port }) =>
    new PeerSource(content, { host: address, port }, self)
  );
}
