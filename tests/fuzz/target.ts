/** Something that takes what others made, as a fuzzer sees it. */
export interface Target {
  /** Also the folder of its kept seeds. */
  name: string;
  /** Its part of all inputs, beside the other targets': what is slow has less. */
  weight: number;
  /** Right inputs and nearly right ones, to begin from. */
  seeds: Uint8Array[];
  /** An input made from scratch, in the shape that the target expects. Default none. */
  generate?(random: Random): Uint8Array;
  /**
   * Takes one input, which it must not change. What may go wrong with it by design is caught here;
   * whatever is thrown is a finding.
   */
  run(input: Uint8Array): void | Promise<void>;
  /** Ends what {@link run} left open. */
  close?(): void | Promise<void>;
}

/** The source of all chance: the same seed makes the same inputs. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 to `below` - 1: Mulberry32. */
  below(below: number): number {
    let t = this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  }

  /** One in `n` times true. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  /** Small numbers often, large ones now and then. */
  length(most: number): number {
    return this.below(1 + this.below(1 + this.below(most + 1)));
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}
