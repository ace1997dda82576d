import type { PeerApi } from "../../src/peer/api/peer_api.ts";
import { stateFolderOf } from "../../src/store/state/state_folder.ts";
import { ControlClient } from "../../src/web/control_client.ts";
import { readControlFile } from "../../src/web/control_file.ts";
import type { Peer } from "../../tests/e2e/world.ts";
import { sharer, worldWithData } from "../../tests/chaos/setting.ts";

const MIB = 1 << 20;
/** MiB per second. */
const RATES = [2, 10, 50];
const MEASURED_MS = 10_000;
/** Time for a transfer to begin, in milliseconds. */
const BEFORE_MS = 1_000;
const SIZE = 768 * MIB;

/** The accuracy of limits over ten seconds, each way. */
export async function* limitAccuracy(): AsyncGenerator<string> {
  await using world = await worldWithData(SIZE);
  const source = await sharer(world, "source");
  const getter = await world.peer("getter");
  yield `limits: measured over ${MEASURED_MS / 1000} s, as a part of what was asked for`;
  for (const way of ["limit_up", "limit_down"] as const) {
    const [limited, total] = way === "limit_up"
      ? [source, "served"] as const
      : [getter, "fetched"] as const;
    for (const rate of RATES) {
      const api = await controlOf(limited);
      await api.change({ [way]: rate * MIB });
      const measuring = measure(async () => (await api.status()).totals[total]);
      const get = world.start(getter.dir, ["get", "data"]);
      const measured = await measuring;
      await world.json(getter.dir, ["cancel", "data"]);
      await get.ended();
      await api.change({ [way]: null });
      const part = measured / (rate * MIB);
      const option = way.replace("_", "-");
      yield `  --${option} ${rate}M: ${(measured / MIB).toFixed(2)} MiB/s = ${part.toFixed(3)} ` +
        `(goal: 0.95 to 1.05)`;
    }
  }
}

/** Bytes per second by which a count grows. */
async function measure(count: () => Promise<number>): Promise<number> {
  const idle = await count();
  while (await count() === idle) await wait(10);
  await wait(BEFORE_MS);
  const started = performance.now();
  const before = await count();
  await wait(MEASURED_MS);
  const after = await count();
  return (after - before) / ((performance.now() - started) / 1000);
}

/** The API of a running peer. */
async function controlOf({ dir }: Peer): Promise<PeerApi> {
  const control = await readControlFile(stateFolderOf(dir).control);
  if (!control) throw new Error(`Cannot ask the peer of ${dir}: it has no control file`);
  return new ControlClient(control);
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
