import { createHash } from "node:crypto";
import { Fault } from "../../fault.ts";
import { wrongChecksum } from "./require_checksum.ts";

/**
 * Passes bytes on to `output`, and when they end compares their SHA-256: if it isn't `sha256`, the
 * output is aborted and closing throws an `integrity` Fault. What was passed on is then out already.
 */
export function checkedOutput(
  output: WritableStream<Uint8Array>,
  { name, sha256 }: { name: string; sha256: string },
): WritableStream<Uint8Array> {
  const writer = output.getWriter();
  const hash = createHash("sha256");
  return new WritableStream({
    start(controller) {
      writer.closed.catch((error) => controller.error(error));
    },
    async write(bytes) {
      hash.update(bytes);
      await writer.write(bytes);
    },
    async close() {
      const found = hash.digest("hex");
      if (found === sha256) return await writer.close();
      const { kind, message } = wrongChecksum(name, { found, sha256 });
      const fault = new Fault(kind, `${message}; what was written already is not to be used`);
      await writer.abort(fault).catch(() => {});
      throw fault;
    },
    abort: (reason) => writer.abort(reason),
  });
}
