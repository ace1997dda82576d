import { messageOf } from "../../src/fault.ts";
import { Mutator } from "./mutator.ts";
import { Random, type Target } from "./target.ts";

/** An input that takes longer counts as a hang, in milliseconds. */
const HANG_MS = 1_000;
/** Inputs in one turn of the event loop. */
const TURN = 1_024;
/** FairQueue after which garbage goes, where that can be asked for: left alone, it looks like a leak. */
const TURNS_A_SWEEP = 4;
/** Inputs that are kept to be changed further. */
const POOL = 256;

export interface FuzzOptions {
  /** Most inputs. @default Infinity */
  count?: number;
  /** Most time, in milliseconds. @default Infinity */
  ms?: number;
  /** The same one makes the same inputs. */
  seed: number;
  /** Kept from before; they come first, each as it is. */
  kept?: Uint8Array[];
  /** Called with each input before it is run, so that one that hangs is known. */
  onInput?: (input: Uint8Array) => void;
}

/** An input that does what none may do. */
export interface Finding {
  target: string;
  input: Uint8Array;
  why: string;
}

export interface FuzzResult {
  inputs: number;
  ms: number;
  finding?: Finding;
}

/** Gives a target inputs until one is a finding, or there were enough. */
export async function fuzz(target: Target, options: FuzzOptions): Promise<FuzzResult> {
  const { count = Infinity, ms = Infinity, seed, kept = [], onInput } = options;
  const random = new Random(seed);
  const mutator = new Mutator(random);
  const pool = [...target.seeds, ...kept];
  const first = [...kept, ...target.seeds];
  const started = performance.now();
  let inputs = 0;
  let now = started;
  while (inputs < count && now - started < ms) {
    const input = first.shift() ??
      (target.generate && random.oneIn(3) ? target.generate(random) : mutator.mutate(pool));
    onInput?.(input);
    const why = await problemWith(target, input, now);
    inputs++;
    if (why !== undefined) {
      const small = await shrink(target, input);
      const finding = { target: target.name, input: small, why };
      return { inputs, ms: performance.now() - started, finding };
    }
    // What was made is worth changing further, now and then; the pool stays as large as it is.
    if (random.oneIn(64)) {
      if (pool.length < POOL) pool.push(input.slice());
      else pool[target.seeds.length + random.below(POOL - target.seeds.length)] = input.slice();
    }
    // Timers, and what weak references hold for the length of a turn, have their turn.
    if (inputs % TURN === 0) await new Promise((resolve) => setTimeout(resolve));
    if (inputs % (TURNS_A_SWEEP * TURN) === 0) collectGarbage();
    now = performance.now();
  }
  return { inputs, ms: now - started };
}

/** All that nothing refers to any more, with --expose-gc. */
export function collectGarbage(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

/** The harm that an input does; undefined for none. */
async function problemWith(
  target: Target,
  input: Uint8Array,
  started: number,
): Promise<string | undefined> {
  try {
    const running = target.run(input);
    // Waiting would cost more than most inputs do.
    if (running) await running;
  } catch (error) {
    return error instanceof Error && error.stack || messageOf(error);
  }
  if (performance.now() - started < HANG_MS) return;
  // The machine may have been busy: what hangs does so again.
  const again = performance.now();
  await target.run(input);
  const ms = performance.now() - again;
  if (ms >= HANG_MS) return `it takes ${Math.round(ms)} ms`;
}

/** A smaller input that is a finding too: pieces are left out while it stays one. */
async function shrink(target: Target, input: Uint8Array): Promise<Uint8Array> {
  let small = input.slice();
  for (let size = small.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at + size <= small.length;) {
      const shorter = new Uint8Array(small.length - size);
      shorter.set(small.subarray(0, at));
      shorter.set(small.subarray(at + size), at);
      if (await problemWith(target, shorter, performance.now()) !== undefined) small = shorter;
      else at += size;
    }
  }
  return small;
}
