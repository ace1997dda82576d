import type { LogFlags } from "./options.ts";

/** What `shoal bootstrap` can be told. */
export interface BootstrapFlags extends LogFlags {
  host: string;
  port: number;
  /** The config file, if another than usual. */
  config?: string;
  swarmKey?: string;
}

/** What `shoal bootstrap new-key` can be told. */
export interface NewKeyFlags {
  /** A key file to carry on. */
  rotate?: string;
  /** For how long, in seconds. */
  for?: number;
}
