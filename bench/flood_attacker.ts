/**
 * One process's share of hostile connections: `flood_attacker.ts HOST:PORT COUNT KIND…`. Says
 * `connected` once all of them are, and runs until it is ended. A connection that the bootstrap
 * closes is made anew after a pause.
 */
import { Identity } from "../src/trust/identity.ts";
import { signRegistration } from "../src/trust/registration.ts";
import { RawEnd } from "../tests/support/sockets.ts";
import type { KINDS as NAMES } from "./flood_options.ts";

/** Before a closed connection is made anew, in milliseconds. */
const REOPEN_MS = 1_000;

const HELLO = { action: "hello", id: 1, protocol: 1, agent: "x".repeat(24_000) };
const encoder = new TextEncoder();

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

type Attack = (end: RawEnd, dialled: { host: string; port: number }) => Promise<unknown>;

/** The activity on a connection until it is closed. */
const KINDS: Record<(typeof NAMES)[number], Attack> = {
  silent(end) {
    return end.closed();
  },
  async slow(end) {
    for (;;) {
      await end.send(" ");
      await pause(1_000);
    }
  },
  async unreading(end) {
    await end.send(HELLO);
    const list = encoder.encode('{"action":"list_files","id":2}\n'.repeat(60));
    for (;;) await end.send(list);
  },
  async garbage(end) {
    await end.send(crypto.getRandomValues(new Uint8Array(24_000)));
    await end.closed();
  },
  async registering(end, dialled) {
    await end.send(HELLO);
    const { nonce } = await end.line();
    const identity = await Identity.generate();
    const claim = await signRegistration(identity, nonce, { port: 9, dialled });
    const register = { action: "register", id: 2, ...claim };
    const ten = encoder.encode((JSON.stringify(register) + "\n").repeat(10));
    for (;;) {
      await end.send(ten);
      for (let n = 0; n < 10; n++) if (!await end.line()) return;
    }
  },
};

async function attack(address: { host: string; port: number }, kind: number): Promise<never> {
  for (;;) {
    try {
      using end = await RawEnd.connect(address);
      await kinds[kind % kinds.length](end, address);
    } catch {
      // The bootstrap ended it, which is what it is there for.
    }
    await pause(REOPEN_MS);
  }
}

const [where, count, ...names] = Deno.args;
const kinds = names.map((name) => KINDS[name as keyof typeof KINDS]);
const [host, port] = where.split(":");
for (let n = 0; n < Number(count); n++) {
  void attack({ host, port: Number(port) }, n);
  if (n % 50 === 49) await pause(20);
}
console.log("connected");
