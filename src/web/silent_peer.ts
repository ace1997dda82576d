import { Fault } from "../fault.ts";

/** Thrown where a running peer is there, and doesn't answer: it was stopped, or waits for a disk. */
export class SilentPeer extends Fault {
  constructor(pid: number) {
    super("network", `Cannot ask the running peer (pid ${pid}): it does not answer`, {
      next: `see what process ${pid} waits for, or end it; then run this again`,
    });
  }
}
