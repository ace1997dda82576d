import { parseCode } from "../handover/code.ts";
import {
  KeptHandover,
  makeSendingFolder,
  removeHandoverFolder,
} from "../handover/kept_handover.ts";
import { meetSender } from "../handover/meet_sender.ts";
import { type Offered, receive } from "../handover/receive.ts";
import { send, type SendResult } from "../handover/send.ts";
import type { SendEvent } from "../handover/send_event.ts";
import { Fault } from "../fault.ts";
import type { Progress, Receipt } from "../peer/api/peer_api.ts";
import { absolutePath, currentFolder } from "../system/paths.ts";
import type { PeerSettings } from "../peer/api/settings.ts";

/** Options of a hand-over to receivers. */
export interface HandoverOptions {
  /** The number of receivers; `any` for all that come while the code is good. @default {1} */
  to?: number | "any";
  /** Time for which the code is good, in milliseconds. @default {3_600_000} */
  forMs?: number;
  /** Two words, three words, or a long code for a link. @default {"words"} */
  strength?: "short" | "words" | "link";
  /** Takes the code back. */
  signal?: AbortSignal;
  /** Called with each event: receivers that met the sender, wrong tries, receipts. */
  onEvent?: (event: SendEvent) => void;
}

/** A hand-over that waits for its receivers. */
export interface Handover {
  /** The code: a number and words. It is a secret. */
  code: string;
  /** The same as a link. */
  link: string;
  /** Resolves when it has ended; rejects with a Fault, or the signal's reason. */
  done: Promise<SendResult>;
}

/** Options of receiving what is handed over. */
export interface ReceivingOptions {
  /** The folder to put it in. Default the current one. */
  output?: string;
  /** Take another name where one is taken. @default {false} */
  rename?: boolean;
  /** Stops it. */
  signal?: AbortSignal;
  /** Asked before anything is written. Default all is taken. */
  confirm?: (offered: Offered) => Promise<boolean>;
  /** Called a few times a second, with the download of one name after another. */
  onProgress?: (progress: Progress) => void;
}

/** Begins to hand files over; resolves once there is a code. */
export async function beginSending(
  paths: string[],
  { to = 1, forMs, strength, signal, onEvent }: HandoverOptions,
  { bootstraps, lan = false, limitUp }: Pick<PeerSettings, "bootstraps" | "lan" | "limitUp">,
): Promise<Handover> {
  const dir = makeSendingFolder();
  const coded = Promise.withResolvers<{ code: string; link: string }>();
  const done = send({
    ...{ paths: paths.map((path) => absolutePath(path)), cwd: currentFolder(), dir },
    ...{ bootstraps, lan, limitUp, forMs, strength },
    to: to === "any" ? undefined : to,
    signal: signal ?? new AbortController().signal,
    onEvent(event) {
      if (event.event === "code") coded.resolve(event);
      onEvent?.(event);
    },
  }).finally(() => removeHandoverFolder(dir));
  done.catch(coded.reject);
  const { code, link } = await coded.promise;
  return { code, link, done };
}

/** Receives what a code stands for; resolves with a receipt for each file and folder. */
export async function receiveAll(
  code: string,
  options: ReceivingOptions,
  { bootstraps, lan = false, limitDown }: Pick<PeerSettings, "bootstraps" | "lan" | "limitDown">,
): Promise<Receipt[]> {
  const { room, secret, bootstrap } = parseCode(code);
  if (secret === undefined) throw new Fault("usage", "Cannot receive: the code has no words");
  const signal = options.signal ?? new AbortController().signal;
  const at = bootstrap ? [bootstrap] : bootstraps;
  const agreed = await meetSender({ bootstraps: at, lan, room, secret }, signal);
  const kept = KeptHandover.keep(agreed, absolutePath(options.output ?? "."));
  try {
    return await receive(kept, {
      ...{ rename: options.rename, limitDown, signal },
      confirm: options.confirm ?? (() => Promise.resolve(true)),
      onStart: () => Promise.resolve(),
      onProgress: options.onProgress ?? (() => {}),
      onReceived: () => Promise.resolve(),
      onHelping: () => {},
    });
  } finally {
    kept.remove();
  }
}
