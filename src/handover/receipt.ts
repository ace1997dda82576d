import { MemoryRegistry } from "../bootstrap/memory_registry.ts";
import type { Announcement } from "../wire/protocol.ts";

/**
 * The name of the file that a receiver shares in the sender's swarm once it has verified all of what
 * was offered. That it is announced is the receipt: signed as any other file, so that no message of
 * its own is needed.
 */
export const RECEIPT = "shoal-receipt";

/** The registry of a sender's swarm. It remembers receivers that have all of it, and may have left. */
export class ReceiptRegistry extends MemoryRegistry {
  /** Peer ids. */
  readonly receivers = new Set<string>();
  readonly #onReceipt: () => void;

  constructor(onReceipt: () => void) {
    super();
    this.#onReceipt = onReceipt;
  }

  override async announce(peer: string, announcements: Announcement[]): Promise<void> {
    await super.announce(peer, announcements);
    const isReceipt = announcements.some(({ name, publisher }) =>
      name === RECEIPT && publisher === peer
    );
    if (!isReceipt || this.receivers.has(peer)) return;
    this.receivers.add(peer);
    this.#onReceipt();
  }
}
