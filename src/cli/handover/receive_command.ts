import { Fault, inQuotes } from "../../fault.ts";
import { parseCode, parseSecret, type TypedCode, wordsThatBegin } from "../../handover/code.ts";
import { KeptHandover } from "../../handover/kept_handover.ts";
import { meetSender } from "../../handover/meet_sender.ts";
import { type Offered, receive } from "../../handover/receive.ts";
import type { Receipt } from "../../peer/api/peer_api.ts";
import { absolutePath, currentFolder } from "../../system/paths.ts";
import { readRegularText } from "../../system/open_regular.ts";
import { reasonOf } from "../../system/file_failure.ts";
import type { ReceiveFlags } from "../args/handover_options.ts";
import { type PeerFlags, settingsOf } from "../args/options.ts";
import { startLogging } from "../config/logging.ts";
import { type Ask, askOnTerminal } from "../output/ask.ts";
import { EXIT, type ExitCode } from "../output/exit_code.ts";
import { Output } from "../output/output.ts";
import { type ShownProgress, showProgress } from "../output/progress.ts";
import { standardOutput } from "../output/standard_output.ts";
import { formatSize, shortId } from "../output/units.ts";
import type { Stop } from "../process/stop.ts";
import { describeReceipt } from "../verbs/get_report.ts";

/** Environment variable with a code, for scripts. */
const CODE_VARIABLE = "SHOAL_CODE";
/** Most bytes of a file with a code. */
const CODE_CAP = 4_096;
/** Times that the words are asked for when one of them is none. */
const ASKED = 3;

/** `shoal peer receive`: gets what somebody sends, by the code that they say. */
export async function receiveCommand(
  typed: string | undefined,
  peer: PeerFlags,
  flags: ReceiveFlags,
  stop: Stop,
): Promise<ExitCode> {
  const output = new Output({ ...peer, signal: stop.signal });
  const { signal } = stop;
  await startLogging(peer, "error");
  const { bootstraps, lan = true, limitDown } = settingsOf(peer);
  const streams = flags.output === "-";
  const folder = absolutePath(streams ? "." : flags.output ?? ".", currentFolder());
  if (!streams) await requireFolder(folder);
  const ask = askOnTerminal(output);
  // Read at once, so that nothing is fetched before it is clear that the user can be asked.
  if (!flags.yes && !ask) {
    throw new Fault("usage", "Cannot receive: there is no terminal to ask at", {
      next: "say --yes to take whatever the sender offers",
    });
  }
  const given = await givenCode(typed, flags);
  const resumed = given || streams ? undefined : KeptHandover.list(folder)[0];
  if (resumed) output.note("Resuming a hand-over that was interrupted.");
  const kept = resumed ??
    KeptHandover.keep(
      await meetByCode(given, { bootstraps, lan, ask, output, signal }),
      folder,
    );
  const out = streams ? await standardOutput(output) : undefined;
  let progress: ShownProgress | undefined;
  const settle = () => {
    progress?.[Symbol.dispose]();
    progress = undefined;
  };
  try {
    const receipts = await receive(kept, {
      rename: flags.rename,
      stream: out?.stream,
      limitDown,
      signal,
      confirm: async (offered) =>
        flags.yes || resumed !== undefined || await confirm(offered, ask!, output, signal),
      onStart: async (name) => {
        progress = await showProgress(name, output);
      },
      onProgress: (shown) => progress?.show(shown),
      async onReceived(receipt) {
        settle();
        await tell(receipt, output, streams);
      },
      onHelping: () => output.note("Helping the others; Ctrl-C ends that."),
    });
    kept.remove();
    return receipts.some(({ left_out }) => left_out?.some(({ failed }) => failed))
      ? EXIT.left_out
      : EXIT.ok;
  } catch (error) {
    settle();
    // What can be resumed is kept.
    if (!mayResume(error) || streams) kept.remove();
    throw out ? out.orClosed(error) : error;
  }
}

function mayResume(error: unknown): boolean {
  if (!(error instanceof Fault)) return true;
  return error.kind !== "usage" && error.kind !== "integrity" && error.kind !== "not_found";
}

/** Throws a `usage` Fault unless there is such a folder. */
async function requireFolder(path: string): Promise<void> {
  const stat = await Deno.stat(path).catch(() => undefined);
  if (stat?.isDirectory) return;
  throw new Fault("usage", `Cannot receive to ${inQuotes(path)}: there is no such folder`);
}

/** The code from the command line, a file or the environment; undefined where none is given. */
async function givenCode(
  typed: string | undefined,
  { codeFile, insecureCode }: ReceiveFlags,
): Promise<TypedCode | undefined> {
  if (typed !== undefined) {
    const code = parseCode(typed);
    if (code.secret === undefined || insecureCode) return code;
    throw new Fault("usage", "Other users of this machine can read a code that is an argument", {
      next: `say the number alone and type the words: shoal peer receive ${code.room}`,
    });
  }
  if (codeFile !== undefined) return parseCode(await readCode(codeFile));
  const set = Deno.env.get(CODE_VARIABLE);
  return set ? parseCode(set) : undefined;
}

async function readCode(path: string): Promise<string> {
  try {
    if (path !== "-") return readRegularText(absolutePath(path), { cap: CODE_CAP, follow: true });
    const text: Uint8Array[] = [];
    let size = 0;
    for await (const part of Deno.stdin.readable) {
      text.push(part);
      if ((size += part.length) > CODE_CAP) throw new Fault("usage", "it is too long");
    }
    return new TextDecoder().decode(new Uint8Array(text.flatMap((part) => [...part])));
  } catch (cause) {
    throw new Fault("usage", `Cannot read the code from ${inQuotes(path)}: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

async function meetByCode(
  given: TypedCode | undefined,
  { bootstraps, lan, ask, output, signal }: {
    lan: boolean;
    bootstraps: ReturnType<typeof settingsOf>["bootstraps"];
    ask: Ask | undefined;
    output: Output;
    signal: AbortSignal;
  },
) {
  const { room, secret, bootstrap } = await completeCode(given, { ask, output, signal });
  const at = bootstrap ? [bootstrap] : bootstraps;
  return await meetSender({ bootstraps: at, lan, room, secret }, signal);
}

/** Asks for what is missing of a code. Throws a `usage` Fault where nobody can be asked. */
async function completeCode(
  given: TypedCode | undefined,
  { ask, output, signal }: { ask: Ask | undefined; output: Output; signal: AbortSignal },
): Promise<Required<Pick<TypedCode, "room" | "secret">> & TypedCode> {
  if (given?.secret !== undefined) return { ...given, secret: given.secret };
  if (!ask) {
    throw new Fault("usage", "Cannot receive: there is no code", {
      next: `give it in $${CODE_VARIABLE} or with --code-file`,
    });
  }
  for (let left = ASKED;; left--) {
    const question = given ? "Words: " : "Code: ";
    const answer = await ask(question, signal, { complete: wordsThatBegin });
    try {
      if (given) return { ...given, secret: parseSecret(answer) };
      const code = parseCode(answer);
      if (code.secret !== undefined) return { ...code, secret: code.secret };
      given = code;
    } catch (error) {
      if (!(error instanceof Fault) || left <= 1) throw error;
      output.note(error.next ? `${error.message}; ${error.next}` : error.message);
    }
  }
}

async function confirm(
  { peer, files, size }: Offered,
  ask: Ask,
  output: Output,
  signal: AbortSignal,
): Promise<boolean> {
  output.note(`From ${shortId(peer)}:`);
  for (const file of files) {
    const what = file.kind === "folder" ? `${file.name}/  ${file.entries} entries` : file.name;
    output.note(`  ${what}  ${formatSize(file.bytes ?? file.size)}`);
  }
  const answer = await ask(`Receive ${formatSize(size)}? [Y/n] `, signal);
  return /^(y(es)?)?$/i.test(answer.trim());
}

async function tell(receipt: Receipt, output: Output, streams: boolean): Promise<void> {
  if (streams) output.note(describeReceipt(receipt));
  else if (output.json) await output.value({ event: "received", ...receipt });
  else if (!output.quiet) await output.line(describeReceipt(receipt));
  for (const { path, why } of receipt.left_out ?? []) output.note(`Left out "${path}": ${why}`);
}
