import { Fault } from "../fault.ts";
import { type ConfigChanges, type ConfigView, LIVE_KEYS } from "./api/config.ts";
import type { ConfigSource, Configured } from "./api/settings.ts";
import type { PeerSettings } from "./api/settings.ts";
import { Mutex } from "../async/mutex.ts";

/** Puts settings into force, where a running peer can. */
type Apply = (settings: PeerSettings, keys: ReadonlySet<string>) => Promise<void>;

/** The configuration of a running peer. Changes come one after the other. */
export class LiveConfig {
  readonly #source: ConfigSource | undefined;
  readonly #apply: Apply;
  readonly #mutex = new Mutex();

  constructor(source: ConfigSource | undefined, apply: Apply) {
    this.#source = source;
    this.#apply = apply;
  }

  async view(): Promise<ConfigView> {
    return viewOf(await this.#required().read());
  }

  /** Changes the file, and what of that can be changed at once. */
  change(changes: ConfigChanges): Promise<ConfigView> {
    return this.#mutex.run(async () => {
      const configured = await this.#required().write(changes);
      await this.#apply(configured.settings, new Set(Object.keys(changes)));
      return viewOf(configured);
    });
  }

  /** Reads the file again, and puts all of it into force. */
  reload(): Promise<ConfigView> {
    return this.#mutex.run(async () => {
      const configured = await this.#required().read();
      await this.#apply(configured.settings, new Set(LIVE_KEYS));
      return viewOf(configured);
    });
  }

  #required(): ConfigSource {
    if (this.#source) return this.#source;
    throw new Fault("usage", "Cannot tell the configuration: this peer has no config file");
  }
}

function viewOf({ settings: _, ...view }: Configured): ConfigView {
  return view;
}
