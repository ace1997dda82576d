import type { Address } from "../../src/wire/address.ts";
import { parseAddress } from "../../src/peer/api/settings.ts";
import { Program, shoal } from "../../tests/e2e/program.ts";

/** A sender of Shoal's that has its code, and how to receive from it. */
export interface SendingShoal {
  sender: Program;
  room: number;
  secret: string;
  /** Receives into an existing folder, to the end. Throws when that fails. */
  receive(folder: string): Promise<void>;
}

/** Has Shoal send a file to so many receivers. */
export async function sendByShoal(
  file: string,
  bootstrap: string,
  { to = 1, args = [] as string[] } = {},
): Promise<SendingShoal> {
  const at = ["peer", "--bootstrap", bootstrap];
  const words = [...at, ...args, "send", file, "--to", `${to}`, "--json"];
  const sender = new Program(words);
  const [, room = "", secret = ""] = await sender.sees(/"code":"(\d+)-([a-z-]+)"/);
  return {
    sender,
    room: Number(room),
    secret,
    async receive(folder) {
      const env = { SHOAL_CODE: `${room}-${secret}` };
      const { code, stderr } = await shoal([...at, "receive", "--yes"], { cwd: folder, env });
      if (code !== 0) throw new Error(`a receiver ended with ${code}: ${stderr.trim()}`);
    },
  };
}

/** The bytes that a sender sent, once it has ended well. */
export async function bytesSent(sender: Program): Promise<number> {
  const code = await sender.ended();
  if (code !== 0) throw new Error(`the sender ended with ${code}: ${sender.stderr.trim()}`);
  return JSON.parse(sender.stdout.trim().split("\n").at(-1)!).bytes;
}

export function addressOf(bootstrap: string): Address {
  return parseAddress(bootstrap, 0);
}
