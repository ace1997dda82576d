/**
 * The figures that Shoal is built for, and the same of other tools, from one run on one machine. What
 * is measured is in `figures/`, what it is held against in `tools/`, how turns are taken in `measure/`.
 * Goals are printed, not asserted: the exit code is 0 unless something broke.
 */
import { formatSize } from "../src/cli/output/units.ts";
import { interrupted } from "./measure/interrupt.ts";
import { formatReport } from "./measure/report.ts";
import { Room } from "./measure/room.ts";
import { brokenRow, type Row } from "./measure/row.ts";
import { type BenchOptions, FIGURES, parseOptions, USAGE } from "./options.ts";
import { runShoal } from "./tools/shoal.ts";
import { runBench } from "./run_bench.ts";

/** State folders, torrents and the like, in bytes. */
const SMALL_FILES = 256 * 1024 * 1024;

async function main(): Promise<void> {
  const options = parseOptions(Deno.args);
  if (options === "help") return console.log(USAGE);
  // At any time there are an original, one copy of it, and one that is to replace that.
  await using room = await Room.open(3 * Math.max(options.size, options.big) + SMALL_FILES);
  const conditions = {
    version: `shoal ${(await runShoal("--version")).stdout.trim()}`,
    program: Deno.env.get("SHOAL_BIN") || "deno run main.ts",
    deno: Deno.version.deno,
    cores: navigator.hardwareConcurrency,
    room: room.kind,
    rounds: options.rounds,
    size: options.size,
  };
  const rows = await takeFigures(options);
  if (options.json) console.log(JSON.stringify({ ...conditions, rows }, null, 2));
  else console.log(await formatReport(describe(conditions), rows));
  if (rows.some((row) => row.broken)) Deno.exitCode = 1;
}

async function takeFigures(options: BenchOptions): Promise<Row[]> {
  const rows: Row[] = [];
  for (const name of options.figures) {
    try {
      rows.push(...await FIGURES[name](options));
    } catch (error) {
      interrupted.throwIfAborted();
      rows.push(brokenRow(name, error));
    }
  }
  return rows;
}

function describe(
  { version, program, cores, room, rounds, size }: Record<string, string | number>,
): string[] {
  return [
    `${version}: ${program}`,
    `both ends on this machine, ${cores} cores; files on ${room}`,
    `rates with ${formatSize(Number(size))}, rounds in turn: ${rounds}`,
  ];
}

await runBench("bench", main);
