import fs from "node:fs";

/** Writes all of `bytes` at a position. One call may write less: a disk that fills up takes a part. */
export function writeFully(fd: number, bytes: Uint8Array, position: number): void {
  for (let done = 0; done < bytes.length;) {
    done += fs.writeSync(fd, bytes, done, bytes.length - done, position + done);
  }
}
