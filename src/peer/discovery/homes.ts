import { Condition } from "../../async/condition.ts";

/**
 * Of the bootstraps that share a registry, the one that this peer is registered with. Which one that is
 * the first to answer decides; the others stand by until it is lost.
 */
export class Homes<B> {
  readonly #homes = new Map<string, B>();
  readonly #changed = new Condition();

  /** True if this bootstrap is the one for that registry from now on, or is it already. */
  take(registry: string, bootstrap: B): boolean {
    const home = this.#homes.get(registry);
    if (home !== undefined) return home === bootstrap;
    this.#homes.set(registry, bootstrap);
    return true;
  }

  /** Ends that, if it is the one. */
  release(bootstrap: B): void {
    for (const [registry, home] of this.#homes) {
      if (home === bootstrap) this.#homes.delete(registry);
    }
    this.#changed.notifyAll();
  }

  /** Resolves when that registry has none; throws the signal's reason. */
  async free(registry: string, signal: AbortSignal): Promise<void> {
    while (this.#homes.has(registry)) await this.#changed.wait(signal);
  }
}
