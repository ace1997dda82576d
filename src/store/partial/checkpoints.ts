/** Bytes after which a checkpoint is begun. */
const CHECKPOINT_BYTES = 20 << 20;
/** A checkpoint is begun no later than this after something was written, in milliseconds. */
const CHECKPOINT_MS = 2_000;
/**
 * Most bytes that no finished checkpoint covers: beyond it, writing waits. With what is still
 * on its way from the sources, a crash so costs no more than 64 MiB.
 */
const AT_RISK_BYTES = 40 << 20;

export interface CheckpointOptions {
  /** Takes a snapshot of what is written now, as {@link save} will need it. */
  snapshot: () => Uint8Array;
  /** Resolves when all that was written before the call is on disk for good. */
  sync: () => Promise<void>;
  /** Says where it can be found again that a snapshot is on disk for good. */
  save: (snapshot: Uint8Array) => void;
  /** Calls `work` once after `ms` milliseconds; returns how to prevent it. @default setTimeout */
  timer?: (work: () => void, ms: number) => () => void;
}

/**
 * Keeps account of what is on disk for good, in an order that no crash can turn into a lie: look at
 * what is written, sync it, and only then say so.
 *
 * A sync that failed ends it for good: the system may have dropped what it could not write, and the
 * next sync would succeed without it. What was said until then still holds.
 */
export class Checkpoints {
  readonly #options: CheckpointOptions;
  readonly #timer: NonNullable<CheckpointOptions["timer"]>;
  /** Bytes written since the last snapshot. */
  #fresh = 0;
  /** Bytes in the snapshot that is being synced. */
  #syncing = 0;
  #running: Promise<void> | undefined;
  #failure: unknown;
  /** False when the last sync failed, or is under way. */
  #synced = true;
  #stopTimer: (() => void) | undefined;
  #stopped = false;

  constructor(options: CheckpointOptions) {
    this.#options = options;
    this.#timer = options.timer ?? startTimer;
  }

  /** So many more bytes are written. */
  add(bytes: number): void {
    this.#fresh += bytes;
    if (this.#stopped || this.#failure !== undefined) return;
    if (this.#fresh >= CHECKPOINT_BYTES) this.#begin();
    else this.#stopTimer ??= this.#timer(() => this.#begin(), CHECKPOINT_MS);
  }

  /** Resolves when more may be written. Throws what a checkpoint failed with. */
  async room(): Promise<void> {
    while (
      !this.#stopped && this.#failure === undefined && this.#fresh + this.#syncing >= AT_RISK_BYTES
    ) {
      await (this.#running ?? this.#begin());
    }
    this.throwIfFailed();
  }

  /** One last checkpoint. Throws what it, or one before it, failed with. */
  async finish(): Promise<void> {
    await this.stop();
    // What could only not be said can be said now.
    if (this.#synced) this.#failure = undefined;
    await this.#checkpoint();
    this.throwIfFailed();
  }

  /** Throws what a checkpoint failed with. */
  throwIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Begins no more checkpoints, and waits for the one under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stopTimer?.();
    await this.#running;
  }

  /** Begins a checkpoint, unless one is under way. Never rejects. */
  #begin(): Promise<void> {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    return this.#running ??= this.#checkpoint().then(() => {
      this.#running = undefined;
      if (this.#fresh > 0) this.add(0);
    });
  }

  async #checkpoint(): Promise<void> {
    if (this.#failure !== undefined) return;
    const { snapshot, sync, save } = this.#options;
    const bytes = snapshot();
    this.#syncing = this.#fresh;
    this.#fresh = 0;
    this.#synced = false;
    try {
      await sync();
      this.#synced = true;
      save(bytes);
      this.#syncing = 0;
    } catch (error) {
      this.#failure = error;
    }
  }
}

function startTimer(work: () => void, ms: number): () => void {
  const timer = setTimeout(work, ms);
  return () => clearTimeout(timer);
}
