import { note } from "../run_folder.ts";
import { TempFolder } from "../temp_folder.ts";
import { isRoot, lacking, noLinux } from "../tools.ts";
import { outputOf } from "../output_of.ts";

const SOURCE = decodeURIComponent(new URL("wan_hub.c", import.meta.url).pathname);

/** The reason why no slow links can be made here; undefined where they can. */
export const noWan = whyNoWan();

/** The path between any two hosts. */
export interface WanPath {
  /** There and back, in milliseconds. */
  roundTripMs: number;
  /** Of packets, each way. Default 0. */
  lossPercent?: number;
  /** Bytes that each link holds before it drops, as time at its rate. Default 200. */
  bufferMs?: number;
}

/** The rates of a host's own link, in Mbit/s; 0 is no limit. */
interface AccessLink {
  up: number;
  down: number;
}

export interface WanHost {
  /** Words to put before a command that is to run there. */
  prefix: string[];
  /** Its IPv4 address. */
  address: string;
  /** The limit for programs: none, the link has one. */
  rate: 0;
}

/**
 * Hosts in network namespaces of their own, joined by links with rate, delay, loss and a buffer
 * (`wan_hub.c`). All of it ends with this process at the latest. Needs root and a C compiler.
 */
export class WanNetwork implements AsyncDisposable {
  readonly hosts: readonly WanHost[];
  readonly #hub: Deno.ChildProcess;
  readonly #forget: () => void;

  private constructor(hub: Deno.ChildProcess, pids: string[], forget: () => void) {
    this.#hub = hub;
    this.#forget = forget;
    this.hosts = pids.map((pid, index) => ({
      prefix: ["nsenter", `--net=/proc/${pid}/ns/net`],
      address: `10.79.0.${index + 1}`,
      rate: 0,
    }));
  }

  /** Makes hosts with these links. Throws when that needs what is missing here. */
  static async open(path: WanPath, links: AccessLink[]): Promise<WanNetwork> {
    if (noWan) throw new Error(`Cannot make slow links: ${noWan}`);
    await using folder = await TempFolder.create();
    const program = `${folder.path}/wan_hub`;
    const { success, stderr } = await outputOf("cc", { args: ["-O2", "-o", program, SOURCE] });
    if (!success) throw new Error(`cc: ${new TextDecoder().decode(stderr)}`);
    const { roundTripMs, lossPercent = 0, bufferMs = 200 } = path;
    const hub = new Deno.Command(program, {
      args: [
        ...[roundTripMs / 2, lossPercent, bufferMs].map(String),
        ...links.map(({ up, down }) => `${up}:${down}`),
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const forget = note({ kind: "process", pid: hub.pid });
    const pids = (await new Response(hub.stdout).text()).trim().split("\n");
    if (pids.length !== links.length) throw new Error("Cannot make slow links: the hub ended");
    return new WanNetwork(hub, pids, forget);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hub.stdin.close();
    await this.#hub.status;
    this.#forget();
  }
}

function whyNoWan(): string | undefined {
  if (noLinux || !isRoot) return noLinux ?? "it takes root";
  try {
    Deno.statSync("/dev/net/tun");
  } catch {
    return "this system has no TUN devices";
  }
  return lacking("cc", "ip", "nsenter");
}
