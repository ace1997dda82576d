import type { Address } from "../../src/wire/address.ts";
import { note } from "./run_folder.ts";

/** Longest that one of these programs may run, in milliseconds. */
const RUN_MS = 120_000;

/** The exit code by which curl says that there was no answer. */
export const CURL_EMPTY = 52;

/** The exit code and output of a program. */
export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** The report of `openssl s_client`, which is told to check nothing, on a listener. */
export function openssl({ host, port }: Address, words: string[], line = ""): Promise<Outcome> {
  return run("openssl", ["s_client", "-connect", `${host}:${port}`, ...words], line);
}

/** The same of `curl -k`, which asks the listener for `name`. */
export function curl({ host, port }: Address, name: string): Promise<Outcome> {
  return run("curl", ["-sk", "--connect-to", `::${host}:`, `https://${name}:${port}/`]);
}

/** Runs a program; `line` is all it gets to read. */
async function run(program: string, words: string[], line = ""): Promise<Outcome> {
  const command = new Deno.Command(program, {
    args: words,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  });
  await using process = command.spawn();
  const forget = note({ kind: "process", pid: process.pid });
  const timer = setTimeout(() => process.kill("SIGKILL"), RUN_MS);
  const writer = process.stdin.getWriter();
  // It may have ended by then.
  await writer.write(new TextEncoder().encode(line)).then(() => writer.close()).catch(() => {});
  const [{ code }, stdout, stderr] = await Promise.all([
    process.status,
    new Response(process.stdout).text(),
    new Response(process.stderr).text(),
  ]).finally(() => {
    clearTimeout(timer);
    forget();
  });
  return { code, stdout, stderr };
}
