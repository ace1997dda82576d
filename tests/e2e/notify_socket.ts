import { note } from "../support/run_folder.ts";

/** Receives what a service says of itself, as systemd does: datagrams with the sender's process id. */
const RECEIVER = `
import json, socket, struct, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
receiver.bind(sys.argv[1])
print("null", flush=True)
while True:
    text, ancillary, _, _ = receiver.recvmsg(65536, 1024)
    pid = struct.unpack("3i", ancillary[0][2])[0]
    print(json.dumps({"pid": pid, "lines": text.decode().split("\\n")}), flush=True)
`;

/** Longest wait for a datagram, in milliseconds. */
const SILENT_MS = 120_000;

interface Notice {
  /** The sender, as the kernel says. */
  pid: number;
  lines: string[];
}

export class NotifySocket implements AsyncDisposable {
  readonly path: string;
  readonly #child: Deno.ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #forget: () => void;

  private constructor(path: string) {
    this.path = path;
    this.#child = new Deno.Command("python3", {
      args: ["-c", RECEIVER, path],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#forget = note({ kind: "process", pid: this.#child.pid });
    this.#lines = linesOf(this.#child.stdout);
  }

  /** Listens at `path`, once this resolves. */
  static async open(path: string): Promise<NotifySocket> {
    const socket = new NotifySocket(path);
    await socket.#lines.next();
    return socket;
  }

  /** The next datagram; waits for it. */
  async next(): Promise<Notice> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), SILENT_MS);
    const { value, done } = await this.#lines.next().finally(() => clearTimeout(timer));
    if (done) throw new Error("the receiver ended");
    return JSON.parse(value) as Notice;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    this.#forget();
    while (!(await this.#lines.next()).done);
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  for await (
    const text of stream.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)
  ) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}
