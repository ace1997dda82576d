/** The thread that a target runs in: what hangs can be ended from outside, and is known by then. */
import { collectGarbage, type FuzzResult } from "./fuzzer.ts";
import { runTarget } from "./run_targets.ts";
import { TARGETS } from "./targets/all.ts";

export interface FuzzOrder {
  target: string;
  seed: number;
  /** Undefined is no limit. */
  count?: number;
  ms?: number;
  /** Each input is written here before it is run: its length in 4 bytes, then the input. */
  current: SharedArrayBuffer;
  /** Counts the inputs. */
  counter: SharedArrayBuffer;
}

/** `ready` comes first: what is sent before the module is evaluated would be lost. */
export type FuzzReport =
  | { ready: true }
  /** `heap` is what is in use before and after, in bytes, garbage aside. */
  | { result: FuzzResult; heap: [number, number] }
  | { error: string };

/** The global scope of a worker; the runtime's versions differ in what they declare. */
const scope = self as unknown as {
  onmessage: (event: { data: FuzzOrder }) => void;
  postMessage(report: FuzzReport): void;
};

scope.onmessage = async ({ data }) => {
  const { current, counter, count, ms, seed } = data;
  const place = new Uint8Array(current, 4);
  const length = new Uint32Array(current, 0, 1);
  const counted = new Int32Array(counter);
  const target = TARGETS.find(({ name }) => name === data.target)!;
  const rejected = Promise.withResolvers<never>();
  addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    rejected.reject(new Error(`nobody caught: ${event.reason?.stack ?? event.reason}`));
  });
  const onInput = (input: Uint8Array) => {
    length[0] = Math.min(input.length, place.length);
    place.set(input.subarray(0, place.length));
    counted[0]++;
  };
  try {
    const before = heapInUse();
    const running = runTarget(target, { seed, count, ms, onInput });
    const result = await Promise.race([running, rejected.promise]);
    scope.postMessage({ result, heap: [before, heapInUse()] });
  } catch (error) {
    scope.postMessage({ error: error instanceof Error && error.stack || String(error) });
  }
};

function heapInUse(): number {
  collectGarbage();
  return Deno.memoryUsage().heapUsed;
}

scope.postMessage({ ready: true });
