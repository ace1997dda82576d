/**
 * `deno task fuzz`: gives every part that reads input from others inputs that are wrong in any way,
 * for as long or as many as it is told. An input that does harm is kept in seeds/, ends the run
 * with exit code 1, and is tried by every test run from then on.
 *
 *     deno task fuzz [--target NAME]… [--count N] [--seconds S] [--seed X] [--jobs N]
 */
import { parseArgs } from "@std/cli/parse-args";
import { keepFinding } from "./kept_seeds.ts";
import { shareOut } from "./run_targets.ts";
import type { Target } from "./target.ts";
import { TARGETS } from "./targets/all.ts";
import type { FuzzOrder, FuzzReport } from "./worker.ts";

/** A single input that takes longer hangs for good, in milliseconds; shorter ones the fuzzer itself sees. */
const STUCK_MS = 20_000;
/** Room to note an input. */
const NOTED = 1 << 21;
/** Interval at which the process' memory is measured, in milliseconds. */
const LOOK_MS = 50;
/**
 * The points at which memory is shown, as parts of a target's run: after it has warmed up, and
 * until its end.
 */
const STEPS = [0.1, 0.4, 0.7, 1];

interface Plan {
  target: Target;
  count?: number;
  ms?: number;
  seed: number;
}

/** Runs one target in a thread of its own. Returns what to say of it, and whether it was well. */
async function run({ target, count, ms, seed }: Plan): Promise<{ line: string; well: boolean }> {
  const current = new SharedArrayBuffer(4 + NOTED);
  const counter = new SharedArrayBuffer(4);
  const counted = new Int32Array(counter);
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  const { name } = target;
  const order: FuzzOrder = { target: name, seed, count, ms, current, counter };
  const done = Promise.withResolvers<Exclude<FuzzReport, { ready: true }>>();
  worker.onmessage = ({ data }: MessageEvent<FuzzReport>) => {
    if ("ready" in data) worker.postMessage(order);
    else done.resolve(data);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    done.resolve({ error: event.message });
  };
  let before = -1;
  const watch = setInterval(() => {
    if (counted[0] === before) done.resolve({ error: `stuck for ${STUCK_MS / 1000} s` });
    before = counted[0];
  }, STUCK_MS);
  const memory: number[] = [];
  const look = setInterval(() => memory.push(rss()), LOOK_MS);
  try {
    const report = await done.promise;
    if ("error" in report) {
      const input = new Uint8Array(current, 4).slice(0, new Uint32Array(current, 0, 1)[0]);
      const path = await keepFinding({ target: name, input, why: report.error });
      return {
        line: `${name}: after ${counted[0]} inputs: ${report.error}\n  ${path}`,
        well: false,
      };
    }
    const { result: { inputs, ms, finding }, heap } = report;
    if (finding) {
      const path = await keepFinding(finding);
      return { line: `${name}: after ${inputs} inputs: ${finding.why}\n  ${path}`, well: false };
    }
    const rate = Math.round(inputs / ms * 1000);
    const line = [
      ...[name.padEnd(18), String(inputs).padStart(9), `${(ms / 1000).toFixed(1)} s`.padStart(9)],
      ...[
        `${rate}/s`.padStart(10),
        `heap ${mib(heap[0])} to ${mib(heap[1])}`.padStart(22),
        `process ${atSteps(memory).join(", ")} MiB`,
      ],
    ].join("  ");
    return { line, well: true };
  } finally {
    clearInterval(watch);
    clearInterval(look);
    worker.terminate();
  }
}

/** The memory of the process at each of {@link STEPS}, in MiB. */
function atSteps(memory: number[]): number[] {
  const all = [...memory, rss()];
  return STEPS.map((part) => Math.round(all[Math.ceil(part * (all.length - 1))] / 2 ** 20));
}

const rss = () => Deno.memoryUsage().rss;
const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`;

function parse(argv: string[]): { plans: Plan[]; jobs: number; seed: number } {
  const options = parseArgs(argv, {
    string: ["target", "count", "seconds", "seed", "jobs"],
    collect: ["target"],
    default: { seed: String(Date.now() % 2 ** 31), jobs: "1" },
    unknown: (word: string) => {
      throw new RangeError(`unknown: ${word}`);
    },
  }) as unknown as Record<string, string | undefined> & { target: string[] };
  const number = (name: string) => {
    const text = options[name];
    if (text === undefined) return undefined;
    if (!/^\d+$/.test(text)) throw new RangeError(`--${name} must be a whole number`);
    return Number(text);
  };
  for (const name of options.target) {
    const known = TARGETS.map((one) => one.name);
    if (!known.includes(name)) throw new RangeError(`--target is one of ${known.join(", ")}`);
  }
  const targets = TARGETS.filter(({ name }) =>
    options.target.length === 0 || options.target.includes(name)
  );
  const seed = number("seed")!;
  const count = number("count");
  const seconds = number("seconds") ?? (count === undefined ? 60 : undefined);
  const shares = count === undefined ? undefined : shareOut(targets, count);
  const plans = targets.map((target) => ({
    target,
    count: shares?.get(target),
    ms: seconds === undefined ? undefined : seconds * 1000 / targets.length,
    seed,
  }));
  return { plans, jobs: Math.max(1, number("jobs")!), seed };
}

/** Has temporary folders made in one that goes with this process, also when it is interrupted. */
function ownTempFolder(): Disposable {
  const folder = Deno.makeTempDirSync({ prefix: "shoal-fuzz-" });
  Deno.env.set(Deno.build.os === "windows" ? "TEMP" : "TMPDIR", folder);
  const remove = () => Deno.removeSync(folder, { recursive: true });
  Deno.addSignalListener("SIGINT", () => {
    remove();
    Deno.exit(130);
  });
  return { [Symbol.dispose]: remove };
}

const { plans, jobs, seed } = parse(Deno.args);
const temporary = ownTempFolder();
console.log(`seed ${seed}, process ${mib(rss())}`);
const started = performance.now();
let well = true;
await Promise.all(Array.from({ length: jobs }, async () => {
  for (let plan; (plan = plans.shift());) {
    const { line, well: ended } = await run(plan);
    console.log(line);
    well &&= ended;
  }
}));
console.log(`${Math.round((performance.now() - started) / 1000)} s, process ${mib(rss())}`);
temporary[Symbol.dispose]();
// The listener for signals would keep it running.
Deno.exit(well ? 0 : 1);
