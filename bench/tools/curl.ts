import type { Sample } from "../measure/interleave.ts";
import { freePort, ServerProcess } from "../measure/server_process.ts";
import { findTool, timedRun } from "../measure/timed_run.ts";
import type { Host } from "../netns.ts";
import type { Fetcher, Original } from "./fetcher.ts";

/** `curl` from nginx: nothing is verified. */
export const curl: Fetcher = {
  name: "get: curl from nginx, unverified",
  goal: "at least 0.9 x",
  async start(original, stack) {
    const { url } = stack.use(await Nginx.start(original));
    const program = await findTool("curl");
    return (into) => download(program, url, `${into}/${original.name}`);
  },
};

/** `curl` from nginx, and `sha256sum` of what came: verified, one after the other. */
export const curlAndSum: Fetcher = {
  name: "get: curl, then sha256sum",
  async start(original, stack) {
    const { url } = stack.use(await Nginx.start(original));
    const [program, sum] = [await findTool("curl"), await findTool("sha256sum")];
    return async (into) => {
      const path = `${into}/${original.name}`;
      const { process } = await download(program, url, path);
      return { process: process + (await timedRun([sum, path])).seconds };
    };
  },
};

async function download(program: string, url: string, path: string): Promise<Sample> {
  const options = ["--silent", "--show-error", "--fail", "--noproxy", "*"];
  const words = [program, ...options, "--output", path, "--write-out", "%{time_total}", url];
  const { stdout, seconds } = await timedRun(words);
  return { reported: Number(stdout), process: seconds };
}

/** An nginx of its own that serves one folder with `sendfile`. */
export class Nginx implements AsyncDisposable {
  readonly url: string;
  readonly #server: ServerProcess;

  private constructor(url: string, server: ServerProcess) {
    this.url = url;
    this.#server = server;
  }

  /** On this machine's loopback, or on a host with a network of its own. */
  static async start(
    { folder, name, scratch }: Pick<Original, "folder" | "name" | "scratch">,
    host: Pick<Host, "prefix" | "address"> = { prefix: [], address: "127.0.0.1" },
  ): Promise<Nginx> {
    const program = await findTool("nginx");
    const { prefix: start, address } = host;
    const port = freePort();
    const prefix = await Deno.makeTempDir({ dir: scratch, prefix: "nginx-" });
    await Deno.writeTextFile(
      `${prefix}/nginx.conf`,
      configuration(folder, { prefix, listen: `${address}:${port}` }),
    );
    const pid = `${prefix}/nginx.pid`;
    const server = new ServerProcess([
      ...start,
      program,
      "-p",
      prefix,
      "-c",
      `${prefix}/nginx.conf`,
    ]);
    try {
      // It writes its id once it listens.
      await server.ready(async () => (await Deno.readTextFile(pid).catch(() => "")) !== "");
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return new Nginx(`http://${address}:${port}/${name}`, server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

function configuration(
  root: string,
  { prefix, listen }: { prefix: string; listen: string },
): string {
  const kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  return `
daemon off;
${Deno.uid() === 0 ? "user root;" : ""}
worker_processes 1;
pid ${prefix}/nginx.pid;
error_log ${prefix}/error.log;
events {}
http {
  ${kinds.map((kind) => `${kind}_temp_path ${prefix}/${kind};`).join("\n  ")}
  access_log off;
  sendfile on;
  tcp_nopush on;
  server { listen ${listen}; root ${root}; }
}
`;
}
