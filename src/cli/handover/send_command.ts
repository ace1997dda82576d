import process from "node:process";
import { Readable } from "node:stream";
import { Fault, quoted } from "../../fault.ts";
import { makeSendingFolder, removeHandoverFolder } from "../../handover/kept_handover.ts";
import { send, type SendResult } from "../../handover/send.ts";
import type { SendEvent } from "../../handover/send_event.ts";
import { absolutePath, currentFolder, nameOf, pathIn } from "../../system/paths.ts";
import { startLogging } from "../config/logging.ts";
import type { SendFlags } from "../args/handover_options.ts";
import { type PeerFlags, settingsOf } from "../args/options.ts";
import { EXIT, type ExitCode } from "../output/exit_code.ts";
import { Output } from "../output/output.ts";
import { type ShownProgress, showProgress } from "../output/progress.ts";
import { formatDuration, formatSize, formatTime } from "../output/units.ts";
import type { Stop } from "../process/stop.ts";
import { copyToClipboard } from "./clipboard.ts";
import { qrCode } from "./qr_code.ts";

/** The name of what comes from standard input, unless told otherwise. */
const STDIN_NAME = "stdin";

/** `shoal peer send PATH…`: hands files over to those that have the code, and ends when all have them. */
export async function sendCommand(
  paths: string[],
  peer: PeerFlags,
  flags: SendFlags,
  stop: Stop,
): Promise<ExitCode> {
  const output = new Output({ ...peer, signal: stop.signal });
  checkFlags(paths, flags);
  await startLogging(peer, "error");
  const { bootstraps, lan = true, limitUp } = settingsOf(peer);
  const dir = makeSendingFolder();
  const shown = new ShownSending(output, flags);
  try {
    const result = await send({
      paths: await Promise.all(
        paths.map((path) =>
          path === "-" ? spool(dir, flags.name, stop.signal) : absolutePath(path)
        ),
      ),
      cwd: currentFolder(),
      bootstraps,
      lan,
      to: flags.to === "any" ? undefined : flags.to ?? 1,
      forMs: flags.for && flags.for * 1_000,
      strength: flags.link ? "link" : flags.short ? "short" : "words",
      limitUp,
      dir,
      signal: stop.signal,
      onEvent: (event) => shown.tell(event),
    });
    return await shown.end(result);
  } finally {
    await shown.settle();
    removeHandoverFolder(dir);
  }
}

function checkFlags(paths: string[], { name, link, short }: SendFlags): void {
  if (link && short) throw new Fault("usage", "--link and --short can't stand together");
  const fromInput = paths.filter((path) => path === "-").length;
  if (fromInput > 1) throw new Fault("usage", "standard input can be sent once");
  if (fromInput === 0 && name !== undefined) {
    throw new Fault("usage", "--name is for what comes from standard input: shoal peer send -");
  }
  if (name !== undefined && nameOf(absolutePath(name, "/")) !== name) {
    throw new Fault("usage", `${quoted(name)} is not the name of a file`);
  }
}

/** Writes standard input to a file, since all of it must be hashed before it can be offered. */
async function spool(dir: string, name = STDIN_NAME, signal: AbortSignal): Promise<string> {
  await Deno.mkdir(pathIn(dir, "input"), { mode: 0o700 });
  const path = pathIn(dir, `input/${name}`);
  const file = await Deno.open(path, { write: true, createNew: true, mode: 0o600 });
  const input = Readable.toWeb(process.stdin) as ReadableStream<Uint8Array>;
  await input.pipeTo(file.writable, { signal });
  return path;
}

/** The view of a sender: people the code and how far it is, programs a line of JSON for each event. */
class ShownSending {
  readonly #output: Output;
  readonly #flags: SendFlags;
  /** Lines are written one after another. */
  #writing: Promise<void> = Promise.resolve();
  #hashing: ShownProgress | undefined;

  constructor(output: Output, flags: SendFlags) {
    this.#output = output;
    this.#flags = flags;
  }

  tell(event: SendEvent): void {
    this.#writing = this.#writing.then(() => this.#say(event)).catch(() => {});
  }

  /** Resolves when all was written. */
  async settle(): Promise<void> {
    await this.#writing;
    this.#hashing?.[Symbol.dispose]();
  }

  async end(result: SendResult): Promise<ExitCode> {
    await this.settle();
    const { end, received, wrong, bytes } = result;
    const to = this.#flags.to;
    const satisfied = end === "done" || end === "expired" && to === "any" && received > 0;
    const exit = satisfied ? EXIT.ok : end === "given_up" ? EXIT.integrity : EXIT.deadline;
    if (this.#output.json) await this.#output.value({ event: "end", ...result, exit });
    else if (satisfied) {
      this.#output.note(
        `Done: ${receivers(received)} ${has(received)} it, ${formatSize(bytes)} sent.`,
      );
    } else if (end === "given_up") {
      this.#output.error(`Gave the code up after ${wrong} wrong tries; ${received} received it`);
      this.#output.note("next: send it again, for a new code, and see who has the old one");
    } else {
      this.#output.error(`The time of the code is over; ${receivers(received)} received it`);
      this.#output.note("next: send it again, with a longer --for");
    }
    return exit;
  }

  async #say(event: SendEvent): Promise<void> {
    const output = this.#output;
    if (event.event === "hashing") {
      this.#hashing ??= await showProgress("hashing", output);
      return this.#hashing.show(event);
    }
    this.#hashing?.[Symbol.dispose]();
    this.#hashing = undefined;
    if (output.json) return await output.value(event);
    switch (event.event) {
      case "code":
        return await this.#showCode(event);
      case "left_out":
        return output.note(`Left out "${event.path}": ${event.why}`);
      case "met":
        return output.note(`${receivers(event.receivers)} ${has(event.receivers)} the code's key.`);
      case "wrong":
        return output.note(`A wrong try, number ${event.tries}.`);
      case "received":
        return output.note(
          `Received by ${event.receivers}${
            typeof this.#flags.to === "number" ? ` of ${this.#flags.to}` : ""
          }.`,
        );
    }
  }

  async #showCode(
    { code, link, room, until, files }: Extract<SendEvent, { event: "code" }>,
  ): Promise<void> {
    const output = this.#output;
    for (const { name, kind, size, entries } of files) {
      const what = kind === "folder" ? `${name}/  ${entries} entries` : name;
      output.note(`${what}  ${formatSize(size)}`);
    }
    await output.line(code);
    output.note(`On the other machine: shoal peer receive ${room}`);
    output.note(`Link: ${link}`);
    if (this.#flags.qr !== false && output.showsProgress) output.detail(await qrCode(link));
    if (this.#flags.copy) {
      const copied = await copyToClipboard(code);
      output.note(
        copied ? "The code is in the clipboard." : "There is no clipboard to copy it to.",
      );
    }
    const left = formatDuration((until - Date.now()) / 1_000);
    output.note(`Good for ${left}, until ${formatTime(until)}. Ctrl-C takes it back.`);
  }
}

function receivers(count: number): string {
  return `${count} receiver${count === 1 ? "" : "s"}`;
}

function has(count: number): string {
  return count === 1 ? "has" : "have";
}
