import { Buffer } from "node:buffer";
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { Fault } from "../fault.ts";
import { Mutex } from "../async/mutex.ts";

/** Fewest characters. */
const PASSWORD_MIN = 8;
/** Most characters. */
export const PASSWORD_CAP = 1_024;

/** The work of a hash, as the base-2 logarithm of scrypt's N: 64 MiB at a time, as OWASP advises. */
const LOG_COST = 16;
/** Bytes of a hash. */
const LENGTH = 32;
/** Checks that wait for each other; more are refused. */
const WAITING_CAP = 8;

/** A password that only its hash is kept of. Checks run one at a time: each takes memory and time. */
export class Password {
  readonly #salt: Uint8Array;
  readonly #hash: Uint8Array;
  readonly #logCost: number;
  readonly #checking = new Mutex();
  #waiting = 0;

  private constructor(salt: Uint8Array, hash: Uint8Array, logCost: number) {
    this.#salt = salt;
    this.#hash = hash;
    this.#logCost = logCost;
  }

  /**
   * Hashes a password as it was hashed in `known`, which is then the same as {@link kept}, or else with
   * a new salt. Throws a `usage` Fault when the password is too short or too long. Only tests may set
   * `logCost` lower than by default.
   */
  static async of(text: string, known?: string, logCost = LOG_COST): Promise<Password> {
    if (text.length < PASSWORD_MIN || text.length > PASSWORD_CAP) {
      const range = `${PASSWORD_MIN} to ${PASSWORD_CAP} characters`;
      throw new Fault("usage", `The page's password must have ${range}, not ${text.length}`);
    }
    const before = Buffer.from(known?.split(":")[0] ?? "", "hex");
    if (before.length > 0) {
      const password = new Password(before, await hashOf(text, before, logCost), logCost);
      if (password.kept === known) return password;
    }
    const salt = randomBytes(16);
    return new Password(salt, await hashOf(text, salt, logCost), logCost);
  }

  /** The salted hash, to know the same password again. */
  get kept(): string {
    return `${Buffer.from(this.#salt).toString("hex")}:${Buffer.from(this.#hash).toString("hex")}`;
  }

  /** True when too many checks wait already. */
  get busy(): boolean {
    return this.#waiting >= WAITING_CAP;
  }

  /** True if it is that password, `allowed` still holding when its turn comes; in constant time. */
  async is(text: string, allowed: () => boolean = () => true): Promise<boolean> {
    this.#waiting++;
    try {
      return await this.#checking.run(async () =>
        allowed() && text.length <= PASSWORD_CAP &&
        timingSafeEqual(await hashOf(text, this.#salt, this.#logCost), this.#hash)
      );
    } finally {
      this.#waiting--;
    }
  }
}

function hashOf(text: string, salt: Uint8Array, logCost: number): Promise<Uint8Array> {
  const cost = { N: 1 << logCost, r: 8, p: 1, maxmem: 128 << 20 };
  return new Promise((resolve, reject) =>
    scrypt(
      Buffer.from(text.normalize("NFC")),
      salt,
      LENGTH,
      cost,
      (error, hash) => error ? reject(error) : resolve(hash),
    )
  );
}
