import { Fault, inQuotes, isAbort, quoted } from "../../fault.ts";
import type {
  GetEvent,
  GetOptions,
  PeerApi,
  Receipt,
  StreamRequest,
} from "../../peer/api/peer_api.ts";
import { delay } from "../../async/retry.ts";
import { chooseCandidate } from "./choose_candidate.ts";
import { EXIT, type ExitCode } from "../output/exit_code.ts";
import { type HookValues, requireCommand, runHook } from "../process/hook.ts";
import { standardOutput } from "../output/standard_output.ts";
import { showProgress } from "../output/progress.ts";
import { ReceiptFile } from "../output/receipt_file.ts";
import { errorValue, reportFailure } from "../output/report_failure.ts";
import { safeJson } from "../output/sanitize.ts";
import { whileHeld } from "../process/while_held.ts";
import { deadlineOf, leftUntil } from "./deadline.ts";
import { namesOf } from "./get_names.ts";
import {
  checkFlags,
  GET_OPTIONS,
  type GetFlags,
  isSeveral,
  outputOf,
  requestOf,
} from "./get_options.ts";
import { describePlan, describeReceipt, notesOn } from "./get_report.ts";
import type { PeerVerb, VerbCall } from "./verb.ts";
import { Mutex } from "../../async/mutex.ts";
import { absolutePath } from "../../system/paths.ts";
import type { GetMetrics } from "../metrics/get_metrics.ts";

/** Time that `--on-error` has at least, in milliseconds: the deadline may be what failed. */
const ON_ERROR_LEAST_MS = 10_000;

type GetCall = VerbCall<PeerApi, typeof GET_OPTIONS>;

/**
 * `get NAME…`: prints a receipt for each, as a line or, with `--json`, as lines of GetEvents and then
 * `{"event":"done", …}` with the Receipt; nothing with `--quiet` alone. With `-o -` standard output is
 * the file's, and all that goes to standard error. Of several names, one that fails doesn't keep the
 * others from being fetched; the exit code is then that of the first failure.
 */
export const getVerb: PeerVerb<typeof GET_OPTIONS> = {
  name: "get",
  arguments: "[NAME...]",
  summary: "fetch files, folders or parts of them, verified, from all sources at once",
  examples: [
    "get debian.iso",
    "get debian.iso -o /srv/images/ --update",
    "get backup.tar -o - | tar x",
    "get debian.iso@2ab049f5a04a",
    "get debian.iso --publisher 3d5464ed1b6b",
    "get x --checksum sha256=$(cut -c1-64 x.sum)",
    "get photos --update --delete",
    "get photos/2026/beach.jpg",
    "get --from-file list.txt --deadline 2h",
    "get db --on-error 'logger -t shoal failed'",
  ],
  role: "verb",
  options: GET_OPTIONS,
  opening: ({ dryRun, seedFor, waitLock, deadline }) => ({
    plan: dryRun,
    seedFor: dryRun ? undefined : seedFor,
    waitMs: lockWaitOf(waitLock),
    deadline,
  }),
  async prepare({ flags, args, cwd, signal }, random = Math.random) {
    const { onDone, onError, splay, receipt, metricsFile } = flags;
    checkFlags(flags, args);
    await outputOf(flags, { cwd, several: isSeveral(args, flags) });
    if (onDone) await requireCommand("--on-done", onDone, cwd);
    if (onError) await requireCommand("--on-error", onError, cwd);
    for (const file of [receipt, metricsFile]) {
      if (file !== undefined) await ReceiptFile.at(file, cwd);
    }
    if (splay !== undefined) await delay(random() * splay * 1000, signal);
  },
  async run(call) {
    const { args, output, cwd, signal } = call;
    const { fromFile, receipt, metricsFile } = call.flags;
    const receipts = receipt === undefined ? undefined : await ReceiptFile.at(receipt, cwd);
    const metrics = metricsFile === undefined ? undefined : await newMetrics();
    const several = isSeveral(args, call.flags);
    let exit: ExitCode = EXIT.ok;
    try {
      for await (const word of namesOf(args, { list: fromFile, cwd, signal })) {
        try {
          await getOne(word, call, { several, receipts, metrics });
        } catch (error) {
          if (!several || !(error instanceof Fault) || signal.aborted) throw error;
          const code = await reportFailure(error, output, { name: word });
          exit ||= code;
        }
      }
    } finally {
      if (several) await receipts?.save();
      if (metricsFile !== undefined) await metrics?.save(absolutePath(metricsFile, cwd));
    }
    return exit;
  },
};

/** prom-client is loaded only where it is needed. */
async function newMetrics(): Promise<GetMetrics> {
  const { GetMetrics } = await import("../metrics/get_metrics.ts");
  return new GetMetrics();
}

/** Milliseconds. */
function lockWaitOf(seconds: GetFlags["waitLock"]): number {
  return seconds === true ? Infinity : (seconds ?? 0) * 1000;
}

/** Fetches one name and says what came of it. */
async function getOne(
  word: string,
  call: GetCall,
  { several, receipts, metrics }: {
    several: boolean;
    receipts?: ReceiptFile;
    metrics?: GetMetrics;
  },
): Promise<void> {
  const { output, cwd, flags } = call;
  const request = await requestOf(word, flags, { cwd, several });
  if (flags.dryRun) {
    const plan = await call.api.plan(request, { signal: call.signal });
    return await (output.json ? output.value(plan) : output.line(describePlan(plan)));
  }
  let receipt: Receipt;
  try {
    const waitMs = lockWaitOf(flags.waitLock);
    const work = flags.output === "-" ? toStandardOutput : toDisk;
    const deadline = deadlineOf(flags, call.started);
    const fetch = (wanted: StreamRequest) =>
      whileHeld(() => work({ ...wanted, deadline: leftUntil(deadline, wanted.name) }, call), {
        waitMs,
        signal: call.signal,
        deadline,
      });
    receipt = await fetch(request).catch(async (error) =>
      await fetch(await chooseCandidate(error, request, call))
    );
  } catch (error) {
    receipts?.add({ name: word, error: errorValue(error) });
    metrics?.failed(word);
    if (!several) await receipts?.save();
    if (flags.onError && !isAbort(error)) await runOnError(flags.onError, error, word, call);
    throw error;
  }
  receipts?.add(receipt);
  metrics?.succeeded(receipt);
  if (!several) await receipts?.save();
  await tell(receipt, call);
  if (flags.onDone) await hook("--on-done", flags.onDone, call, valuesOf(receipt));
}

async function toDisk(request: StreamRequest, call: GetCall): Promise<Receipt> {
  await using followed = await follow(request.name, call);
  return await call.api.get(request, followed.options);
}

async function toStandardOutput(request: StreamRequest, call: GetCall): Promise<Receipt> {
  const { stream, orClosed } = await standardOutput(call.output);
  try {
    await using followed = await follow(request.name, call);
    return await call.api.stream(request, stream, followed.options);
  } catch (error) {
    throw orClosed(error);
  }
}

/** Shows how a download goes, until it is disposed of: to people, or as lines of JSON. */
async function follow(
  name: string,
  { output, signal, flags }: GetCall,
): Promise<AsyncDisposable & { options: GetOptions }> {
  if (!output.json || flags.output === "-") {
    const progress = await showProgress(name, output);
    let sources = 0;
    return {
      options: {
        signal,
        onProgress: (shown) => {
          sources = shown.sources;
          progress.show(shown);
        },
        onEvent: (event) => {
          if (event.event === "in_place") output.note(inPlaceNote(event));
          if (!output.showsProgress || sources > 0) return;
          if (event.event === "source_dropped") output.note(unreachedNote(event));
        },
      },
      [Symbol.asyncDispose]: () => Promise.resolve(progress[Symbol.dispose]()),
    };
  }
  output.lines = true;
  // In turn: a line is written whole before the next one. A line that is not read fails with the receipt.
  const printing = new Mutex();
  const emit = (value: unknown) => {
    printing.run(() => output.value(value)).catch(() => {});
  };
  return {
    options: {
      signal,
      onProgress(progress) {
        if (progress.size !== undefined) emit({ event: "progress", name, ...progress });
      },
      onEvent: emit,
    },
    [Symbol.asyncDispose]: () => printing.idle(),
  };
}

/** The reason why a source isn't in use, while no other is: nobody should wait without knowing for what. */
function unreachedNote({ name, reason }: Extract<GetEvent, { event: "source_dropped" }>): string {
  return `Not yet fetching ${quoted(name)}: ${reason}; trying on`;
}

function inPlaceNote({ path, reason }: { path: string; reason: string }): string {
  return `Writing into ${inQuotes(path)}, not in one step: ${reason}`;
}

async function tell(receipt: Receipt, { output, flags }: GetCall): Promise<void> {
  const line = { event: "done", ...receipt };
  const streamed = flags.output === "-";
  if (streamed && output.json) output.detail(safeJson(line));
  else if (streamed) output.note(describeReceipt(receipt));
  else if (output.json) await output.value(line);
  else if (!output.quiet) await output.line(describeReceipt(receipt));
  for (const { path, why } of receipt.left_out ?? []) output.note(`Left out "${path}": ${why}`);
  if (flags.publisher && receipt.trust === "first") {
    output.note(`Remembered for ${quoted(receipt.name)}: publisher ${receipt.publisher}`);
  }
  for (const line of notesOn(receipt)) output.note(line);
}

/** Its own failure is only a note: what went wrong before it is what counts. */
async function runOnError(words: string[], error: unknown, name: string, call: GetCall) {
  const { exit, message, code } = errorValue(error);
  const values = { SHOAL_NAME: name, SHOAL_STATUS: code, SHOAL_EXIT: exit, SHOAL_ERROR: message };
  try {
    await hook("--on-error", words, call, values);
  } catch (failure) {
    if (!(failure instanceof Fault)) throw failure;
    call.output.note(failure.message);
  }
}

function valuesOf(receipt: Receipt): HookValues {
  const { name, path, id, size, bytes, publisher, up_to_date, kept } = receipt;
  return {
    SHOAL_NAME: name,
    SHOAL_PATH: path,
    SHOAL_FILE_ID: id,
    SHOAL_SIZE: size,
    SHOAL_FETCHED: bytes,
    SHOAL_SIGNED_BY: publisher,
    SHOAL_STATUS: kept ? "kept" : up_to_date ? "up_to_date" : "done",
    SHOAL_EXIT: EXIT.ok,
  };
}

function hook(
  option: string,
  words: string[],
  { cwd, signal, flags, started }: GetCall,
  values: HookValues,
): Promise<void> {
  const until = deadlineOf(flags, started);
  const least = option === "--on-error" ? performance.now() + ON_ERROR_LEAST_MS : 0;
  const deadline = until && Math.max(until, least);
  const without = Object.values(GET_OPTIONS).flatMap(({ envVar }) => envVar ?? []);
  return runHook(option, words, { cwd, signal, deadline, values, without });
}
