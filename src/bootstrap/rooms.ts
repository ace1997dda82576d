import { Refused } from "../wire/answerer.ts";
import type { Outgoing } from "../wire/codec.ts";
import { groupOf } from "../wire/ip_address.ts";
import {
  FULL_RETRY_S,
  GUESTS_WAIT_S,
  MAX_GUESTS,
  MAX_GUESTS_PER_ADDRESS,
  MAX_ROOMS,
  MAX_ROOMS_PER_ADDRESS,
  ROOM_LEFT_MS,
  ROOM_MS,
  ROOM_REST_MS,
} from "./limits.ts";
import { Quota } from "./quota.ts";

/** A party of a room: one connection. */
export interface Occupant {
  /** The IP address that it comes from. */
  readonly host: string;
  /** Sends a notice; resolves when it is on its way. One that can't be sent ends the connection. */
  notify(notice: Outgoing): Promise<void>;
}

interface Guest {
  occupant: Occupant;
  room: Room;
  number: number;
}

interface Room {
  number: number;
  /** Proves that a later connection is the sender's, too. */
  ticket: string;
  /** The time at which it closes, by the clock of {@link Rooms}. */
  until: number;
  /** Undefined while the sender's connection is broken. */
  sender: Occupant | undefined;
  /** The address that it counts for. */
  host: string;
  guests: Map<number, Guest>;
  nextGuest: number;
}

interface RoomsOptions {
  /** A clock that never goes back, in milliseconds. @default performance.now */
  now?: () => number;
  /** Numbers from 0 (included) to 1 (excluded). @default Math.random */
  random?: () => number;
}

/**
 * Rooms in which a sender meets receivers that were told its number, in order to agree on a key. What
 * they say is opaque here, and passed on; nothing of it is kept. A room has one sender, which takes
 * it up again by its ticket, and guests, each of which hears the sender alone.
 */
export class Rooms {
  readonly #now: () => number;
  readonly #random: () => number;
  readonly #rooms = new Map<number, Room>();
  /** Numbers that were given back, by the time at which they may be given again. */
  readonly #resting = new Map<number, number>();
  readonly #quota = new Quota({
    what: "rooms",
    perAddress: MAX_ROOMS_PER_ADDRESS,
    total: MAX_ROOMS,
    retryAfter: FULL_RETRY_S,
  });
  readonly #senders = new Map<Occupant, Room>();
  readonly #guests = new Map<Occupant, Guest>();

  constructor({ now = () => performance.now(), random = Math.random }: RoomsOptions = {}) {
    this.#now = now;
    this.#random = random;
  }

  get size(): number {
    return this.#rooms.size;
  }

  /**
   * Opens a room for `ms` more milliseconds, at most {@link ROOM_MS}, and returns its number. With
   * `wanted`, that room is taken up again, or opened anew where this bootstrap was started since.
   * Throws a Refused `busy`, or `no_room` where the wanted number is another's.
   */
  open(
    sender: Occupant,
    { ticket, ms, wanted }: { ticket: string; ms: number; wanted?: number },
  ): number {
    const until = this.#now() + Math.min(ms, ROOM_MS);
    const known = wanted === undefined ? undefined : this.#rooms.get(wanted);
    if (known) {
      if (known.ticket !== ticket) throw new Refused("no_room", "that room is somebody else's");
      if (known.sender && known.sender !== sender) this.#senders.delete(known.sender);
      known.sender = sender;
      known.until = until;
      this.#senders.set(sender, known);
      return known.number;
    }
    if (this.#senders.has(sender)) throw new Refused("bad_message", "this connection has a room");
    if (wanted !== undefined && this.#resting.has(wanted)) {
      throw new Refused("no_room", "that room was closed");
    }
    const { host } = sender;
    this.#quota.add(host);
    const number = wanted ?? this.#draw();
    const room: Room = { number, ticket, until, sender, host, guests: new Map(), nextGuest: 1 };
    this.#rooms.set(number, room);
    this.#senders.set(sender, room);
    return number;
  }

  /**
   * Lets a receiver in, and passes its first words on. Throws a Refused `no_room`, or `busy` where
   * many wait already or the sender is away.
   */
  async enter(occupant: Occupant, number: number, blob: string): Promise<void> {
    const room = this.#rooms.get(number);
    if (!room) throw new Refused("no_room", `there is no room ${number}`);
    if (this.#guests.has(occupant) || this.#senders.has(occupant)) {
      throw new Refused("bad_message", "this connection is in a room");
    }
    if (!room.sender) throw new Refused("busy", "the sender is away", GUESTS_WAIT_S);
    const group = groupOf(occupant.host);
    let alike = 0;
    for (const guest of room.guests.values()) {
      if (group !== undefined && groupOf(guest.occupant.host) === group) alike++;
    }
    if (room.guests.size >= MAX_GUESTS || alike >= MAX_GUESTS_PER_ADDRESS) {
      throw new Refused("busy", "too many are waiting in that room", GUESTS_WAIT_S);
    }
    const guest = { occupant, room, number: room.nextGuest++ };
    room.guests.set(guest.number, guest);
    this.#guests.set(occupant, guest);
    await room.sender.notify({ action: "guest", guest: guest.number, blob });
  }

  /**
   * Passes words on: a guest's to the sender, the sender's to the guest that it names. Resolves when
   * they are on their way, so that a party that says much waits for one that reads slowly.
   */
  async say(from: Occupant, blob: string, to?: number): Promise<void> {
    const guest = this.#guests.get(from);
    if (guest) {
      return await guest.room.sender?.notify({ action: "said", guest: guest.number, blob });
    }
    const room = this.#roomOf(from);
    if (to === undefined) throw new Refused("bad_message", "a sender must name a guest");
    await room.guests.get(to)?.occupant.notify({ action: "said", blob });
  }

  /** Ends a guest's stay; nothing happens if it has left already. */
  dismiss(sender: Occupant, number: number): void {
    const guest = this.#roomOf(sender).guests.get(number);
    if (guest) this.#remove(guest, "dismissed");
  }

  /** Closes a sender's room. */
  close(sender: Occupant): void {
    this.#end(this.#roomOf(sender));
  }

  /** A connection has ended. A sender may come back for {@link ROOM_LEFT_MS}. */
  left(occupant: Occupant): void {
    const guest = this.#guests.get(occupant);
    if (guest) {
      this.#guests.delete(occupant);
      guest.room.guests.delete(guest.number);
      void guest.room.sender?.notify({ action: "left", guest: guest.number });
    }
    const room = this.#senders.get(occupant);
    if (!room) return;
    this.#senders.delete(occupant);
    room.sender = undefined;
    room.until = Math.min(room.until, this.#now() + ROOM_LEFT_MS);
  }

  /** Closes rooms whose time is over, and gives numbers free that have rested. */
  expire(): void {
    const now = this.#now();
    for (const room of this.#rooms.values()) if (room.until <= now) this.#end(room);
    for (const [number, free] of this.#resting) if (free <= now) this.#resting.delete(number);
  }

  #roomOf(sender: Occupant): Room {
    const room = this.#senders.get(sender);
    if (!room) throw new Refused("no_room", "this connection has no room");
    return room;
  }

  #end(room: Room): void {
    for (const guest of [...room.guests.values()]) this.#remove(guest, "closed");
    this.#rooms.delete(room.number);
    this.#resting.set(room.number, this.#now() + ROOM_REST_MS);
    if (room.sender) {
      this.#senders.delete(room.sender);
      void room.sender.notify({ action: "closed" });
    }
    this.#quota.remove(room.host);
  }

  #remove({ occupant, room, number }: Guest, why: "dismissed" | "closed"): void {
    room.guests.delete(number);
    this.#guests.delete(occupant);
    void occupant.notify({ action: why });
  }

  /** A free number that has rested: of three digits while most of those are free, then of more. */
  #draw(): number {
    for (let least = 100;; least *= 10) {
      if (this.#rooms.size + this.#resting.size >= least * 4.5) continue;
      for (;;) {
        const number = least + Math.floor(this.#random() * least * 9);
        if (!this.#rooms.has(number) && !this.#resting.has(number)) return number;
      }
    }
  }
}
