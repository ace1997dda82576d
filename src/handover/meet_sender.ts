import { Fault } from "../fault.ts";
import type { Address } from "../wire/address.ts";
import { ReceivingEnd, WrongWords } from "./key_exchange.ts";
import type { Agreed } from "./kept_handover.ts";
import { findLanRoom } from "./lan_room.ts";
import { RoomVisit } from "./room.ts";

interface MeetOptions {
  bootstraps: Address[];
  /** Look for the room in the same network, too. */
  lan: boolean;
  room: number;
  secret: string;
}

/**
 * Meets the sender in its room: at a bootstrap, or in the same network. Throws an `integrity` Fault where
 * the words don't fit, `not_found` where there is no such room, and `network`.
 */
export async function meetSender(
  { bootstraps, lan, room, secret }: MeetOptions,
  signal: AbortSignal,
): Promise<Agreed> {
  const nearby = lan ? findLanRoom(room, signal).catch(() => undefined) : undefined;
  try {
    return await meetAt(bootstraps, room, secret, signal);
  } catch (error) {
    const isElsewhere = error instanceof Fault && ["network", "not_found"].includes(error.kind);
    const found = isElsewhere ? await nearby : undefined;
    if (!found) throw error;
    return await meetAt([found], room, secret, signal);
  }
}

async function meetAt(
  bootstraps: Address[],
  room: number,
  secret: string,
  signal: AbortSignal,
): Promise<Agreed> {
  const end = new ReceivingEnd(room, secret);
  const visit = await RoomVisit.enter(bootstraps, room, end.open(), signal);
  try {
    await visit.say(await end.confirm(await visit.hear(signal)));
    return { offer: await end.accept(await visit.hear(signal)), bootstrap: visit.bootstrap };
  } catch (error) {
    if (!(error instanceof WrongWords)) throw error;
    throw new Fault(
      "integrity",
      `Cannot receive: the words don't fit room ${room}, or somebody in between guessed`,
      { cause: error, next: "check the words; if it happens again, ask for a new code" },
    );
  } finally {
    visit.close();
  }
}
