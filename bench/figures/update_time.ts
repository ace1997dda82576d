import { lastLine, sameFiles, World, writeRandom } from "../../tests/e2e/world.ts";
import type { Receipt } from "../../src/peer/api/peer_api.ts";
import type { Contender } from "../measure/interleave.ts";
import { interleave } from "../measure/interleave.ts";
import { durationRow, type Row } from "../measure/row.ts";
import type { BenchOptions } from "../options.ts";
import { getFile, runShoal, shareFile } from "../tools/shoal.ts";

const NAME = "update.bin";
/** Most chunks that one changed byte may cost. */
const CHUNKS = 3;

/** The time that a script waits when one byte has changed, or nothing has. */
export async function updateTime({ size, rounds, starts }: BenchOptions): Promise<Row[]> {
  await using world = await World.create();
  const sharer = await world.peer("updates");
  const original = `${sharer.dir}/${NAME}`;
  await writeRandom(original, size);
  await shareFile(world, sharer.dir, original);
  const dir = await world.folder("updated");
  await getFile(world, dir, NAME);
  const nothing: Contender = {
    name: "update: nothing to do",
    goal: "under 150 ms (binary)",
    start: () => Promise.resolve(() => getFile(world, dir, NAME)),
  };
  const hashing: Contender = {
    name: "update: hashing the old file",
    start: () =>
      Promise.resolve(async () => {
        // As if it were not known yet.
        await Deno.utime(`${dir}/${NAME}`, new Date(), new Date());
        return await shareFile(world, dir, `${dir}/${NAME}`);
      }),
  };
  let position = 0;
  const oneByte: Contender = {
    name: "update: one byte changed",
    goal: `under 2 x hashing the old file, at most ${CHUNKS} chunks`,
    start: () =>
      Promise.resolve(async () => {
        await changeByte(original, position = (position + 12_345_678) % size);
        await shareFile(world, sharer.dir, original);
        const words = ["get", NAME, "--update", "--json", "--dir", dir, ...world.options()];
        const { stdout, seconds } = await runShoal("peer", ...words);
        const receipt = JSON.parse(lastLine(stdout)) as Receipt;
        const { fetched } = receipt.chunks;
        if (fetched > CHUNKS) throw new Error(`${fetched} chunks were fetched`);
        if (!await sameFiles(original, `${dir}/${NAME}`)) throw new Error(`${NAME} differs`);
        return { reported: receipt.seconds, process: seconds };
      }),
  };
  const rows = (await interleave([nothing], starts)).map(durationRow);
  rows.push(...(await interleave([oneByte], rounds)).map(durationRow));
  rows.push(...(await interleave([hashing], rounds)).map(durationRow));
  return rows;
}

async function changeByte(path: string, position: number): Promise<void> {
  using file = await Deno.open(path, { read: true, write: true });
  const byte = new Uint8Array(1);
  await file.seek(position, Deno.SeekMode.Start);
  await file.read(byte);
  await file.seek(position, Deno.SeekMode.Start);
  await file.write(new Uint8Array([byte[0] ^ 1]));
}
