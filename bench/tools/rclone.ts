import { freePort, isListening, ServerProcess } from "../measure/server_process.ts";
import { findTool, timedRun } from "../measure/timed_run.ts";
import type { Fetcher } from "./fetcher.ts";

/** `rclone copy` of one file from `rclone serve http`: sizes are compared, contents are not. */
export const rclone: Fetcher = {
  name: "get: rclone, HTTP, unverified",
  async start({ folder, name }, stack) {
    const copy = await serveFolder(folder, stack);
    return async (into) => ({ process: await copy(name, into) });
  },
};

/**
 * Serves a folder by rclone, to be ended by the stack. What it gives copies a file or folder of it into
 * another folder, and says how many seconds that took. Throws NotInstalled.
 */
export async function serveFolder(
  folder: string,
  stack: AsyncDisposableStack,
): Promise<(name: string, into: string) => Promise<number>> {
  const program = await findTool("rclone");
  // An empty name is a configuration in memory.
  const rclone = [program, "--config="];
  const port = freePort();
  const server = new ServerProcess([
    ...[...rclone, "serve", "http", folder],
    ...["--addr", `127.0.0.1:${port}`, "--read-only"],
  ]);
  stack.use(server);
  await server.ready(() => isListening(port));
  return async (name, into) => {
    const source = ["--http-url", `http://127.0.0.1:${port}`, `:http:${name}`];
    return (await timedRun([...rclone, "copy", ...source, into])).seconds;
  };
}
