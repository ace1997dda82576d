import type { PeerRecord } from "../wire/protocol.ts";
import { delay } from "./retry.ts";
import { PeerSource, type Self, type Source } from "./source.ts";
import type { Swarm } from "./swarm.ts";

/** How long those who answer wait for those who don't, in milliseconds. */
const PATIENCE_MS = 3_000;

export interface FindSourcesOptions {
  swarm: Pick<Swarm, "find">;
  self: Self;
  signal?: AbortSignal;
  /** Default {@link PATIENCE_MS}. */
  patienceMs?: number;
}

/**
 * Who else has a content, while it is being fetched: those that the bootstraps name, and those that the
 * connected sources name, so that a download outlives every bootstrap. Who doesn't answer is passed
 * over, and a source that stalls holds up nobody whom others name.
 */
export async function findSources(
  content: { id: string; size: number },
  connected: Source[],
  { swarm, self, signal, patienceMs = PATIENCE_MS }: FindSourcesOptions,
): Promise<Source[]> {
  const records = new Map<string, PeerRecord>();
  const note = (named: PeerRecord[]) => {
    for (const record of named) {
      if (record.peer !== self.peer) records.set(`${record.address} ${record.port}`, record);
    }
  };
  const listed = async () => {
    const offers = await swarm.find({ file: content.id }, signal);
    return offers.flatMap(({ sources }) => sources);
  };
  const answers = [listed(), ...connected.map((one) => one.peers())].map((one) => one.then(note));
  const enough = new AbortController();
  const patience = delay(patienceMs, enough.signal).then(() => Promise.any(answers));
  await Promise.race([Promise.allSettled(answers), patience.catch(() => {})]);
  enough.abort();
  return [...records.values()].map(({ address, port }) =>
    new PeerSource(content, { host: address, port }, self)
  );
}
