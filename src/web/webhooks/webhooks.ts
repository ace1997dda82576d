import { getLogger } from "@logtape/logtape";
import { toHex } from "../../content/hex.ts";
import { messageOf } from "../../fault.ts";
import { Condition } from "../../async/condition.ts";
import { Backoff, delay } from "../../async/retry.ts";
import type { PeerEvent } from "../../peer/api/peer_api.ts";
import { hmac } from "../../trust/hmac.ts";
import { requireMeant } from "./webhook_url.ts";

const log = getLogger(["shoal", "webhooks"]);

/** Most deliveries that wait for one address; then the oldest are dropped. */
const WAITING_CAP = 1_000;
/** Time for one answer, in milliseconds. */
const ANSWER_MS = 10_000;
/** The longest pause between two tries, in milliseconds. */
const LONGEST_PAUSE_MS = 5 * 60_000;
/** Age at which a delivery is given up, in milliseconds. */
const GIVE_UP_MS = 24 * 3_600_000;
/** Statuses below 500 that may be others later: timeout, too early, too many requests. */
const TRY_AGAIN = [408, 425, 429];

export interface WebhooksOptions {
  /** The addresses, as parseWebhook returns them. */
  urls: string[];
  /** The secret that signs what is sent. */
  key: Uint8Array<ArrayBuffer>;
  /** The id of the peer that it is about. */
  peer: string;
  /** The pause after the first failure, in milliseconds. @default 1_000 */
  firstPauseMs?: number;
  /** Decides whether an address may be called; throws if not. @default requireMeant */
  check?: (url: string) => Promise<void>;
}

/** One event on its way: the same bytes with each try. */
interface Delivery {
  id: string;
  event: string;
  body: string;
  made: number;
}

/**
 * Calls webhooks for downloads that ended and new versions: `POST` with a JSON body and the headers
 * `x-shoal-event`, `x-shoal-delivery` (the same with each try) and `x-shoal-signature`:
 * `t=SECONDS,v1=HEX`, HMAC-SHA-256 over `SECONDS.BODY`. Each address has a queue of its own and gets
 * the events in order; failures are tried again after 1 s, doubled up to 5 min, for a day. Redirects
 * are not followed. What waits ends with the process.
 */
export class Webhooks {
  readonly #options: WebhooksOptions;
  readonly #ending = new AbortController();
  readonly #running: Promise<unknown>;

  /** Begins to listen; `listen` is asked once for the events, which end with the signal. */
  constructor(
    listen: (options: { signal: AbortSignal }) => AsyncIterable<PeerEvent>,
    options: WebhooksOptions,
  ) {
    this.#options = options;
    const { signal } = this.#ending;
    const events = listen({ signal });
    const queues = options.urls.map((url) => ({
      url,
      waiting: [] as Delivery[],
      news: new Condition(),
    }));
    const hear = async () => {
      for await (const event of events) {
        const delivery = this.#deliveryOf(event);
        if (!delivery) continue;
        for (const { url, waiting, news } of queues) {
          waiting.push(delivery);
          if (waiting.length > WAITING_CAP) {
            waiting.shift();
            log.warning("{url} is too slow: an event was dropped", { url });
          }
          news.notifyAll();
        }
      }
    };
    const send = async ({ url, waiting, news }: typeof queues[number]) => {
      while (!signal.aborted) {
        const next = waiting.shift();
        if (next) await this.#deliver(url, next);
        else await news.wait(signal);
      }
    };
    this.#running = Promise.allSettled([hear(), ...queues.map(send)]);
  }

  /** Ends what is under way, and drops what waits. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }

  #deliveryOf(event: PeerEvent): Delivery | undefined {
    switch (event.event) {
      case "download_done":
        // Every run of a cron job with nothing to do would be one.
        if (event.receipt.up_to_date) return;
        break;
      case "download_failed":
      case "new_version":
        break;
      default:
        return;
    }
    const id = crypto.randomUUID();
    const made = Date.now();
    const { peer } = this.#options;
    return {
      id,
      made,
      event: event.event,
      body: JSON.stringify({ id, time: made, peer, ...event }),
    };
  }

  /** Tries until it is taken or given up. */
  async #deliver(url: string, delivery: Delivery): Promise<void> {
    const { firstPauseMs: first, check = requireMeant } = this.#options;
    const { signal } = this.#ending;
    const backoff = new Backoff({ first, longest: LONGEST_PAUSE_MS });
    for (;;) {
      let why: string;
      try {
        await check(url);
        const status = await this.#post(url, delivery);
        if (status < 300) return;
        why = `it answered ${status}`;
        if (status < 500 && !TRY_AGAIN.includes(status)) {
          return log.error("{url} refuses an event: {why}", { url, why });
        }
      } catch (error) {
        if (signal.aborted) return;
        why = messageOf(error);
      }
      if (Date.now() - delivery.made > GIVE_UP_MS) {
        return log.error("An event for {url} is given up: {why}", { url, why });
      }
      log.warning("{url} is called again later: {why}", { url, why });
      await delay(backoff.next(), signal).catch(() => {});
      if (signal.aborted) return;
    }
  }

  async #post(url: string, { id, event, body }: Delivery): Promise<number> {
    const time = Math.floor(Date.now() / 1000);
    const signed = new TextEncoder().encode(`${time}.${body}`);
    const response = await fetch(url, {
      method: "POST",
      body,
      redirect: "manual",
      signal: AbortSignal.any([this.#ending.signal, AbortSignal.timeout(ANSWER_MS)]),
      headers: {
        "content-type": "application/json",
        "x-shoal-delivery": id,
        "x-shoal-event": event,
        "x-shoal-signature": `t=${time},v1=${toHex(await hmac(this.#options.key, signed))}`,
      },
    });
    // Nobody reads what it says.
    await response.body?.cancel();
    return response.status;
  }
}
