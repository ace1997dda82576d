import { ClosedOutput, largestPiece, type Output, writeAll } from "./output.ts";

/**
 * Standard output as a stream of bytes. `orClosed` gives the reason why it ended, for a failure of
 * what wrote to it: that its reader has gone, where that is so.
 */
export async function standardOutput(output: Output): Promise<{
  stream: WritableStream<Uint8Array>;
  orClosed: (error: unknown) => unknown;
}> {
  let closed: ClosedOutput | undefined;
  const pieceBytes = await largestPiece();
  const stream = new WritableStream<Uint8Array>({
    async write(bytes) {
      output.begun = true;
      try {
        await writeAll(bytes, pieceBytes);
      } catch (error) {
        if (error instanceof ClosedOutput) closed = error;
        throw error;
      }
    },
  });
  return { stream, orClosed: (error) => closed ?? error };
}
