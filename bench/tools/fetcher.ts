import type { Sample } from "../measure/interleave.ts";

/** The file that all fetch. */
export interface Original {
  /** The folder that it lies in, and nothing else that matters. */
  folder: string;
  name: string;
  size: number;
  /** A folder for configurations and the like. */
  scratch: string;
}

/** Puts a copy of the file, under its own name, into an empty folder. */
type Fetch = (into: string) => Promise<Sample>;

/** A way to fetch a file from another process on this machine. */
export interface Fetcher {
  name: string;
  goal?: string;
  /** Starts what serves the file, to be ended by the stack. Throws NotInstalled. */
  start(original: Original, stack: AsyncDisposableStack): Promise<Fetch>;
}
