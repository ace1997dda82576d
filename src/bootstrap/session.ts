/**
 * One connection to a bootstrap: reads its requests, checks what is signed, and asks the registry.
 */
import * as v from "valibot";
import { answerAsBootstrap } from "../legacy/answer_as_bootstrap.ts";
import type { Meetings } from "../meet/meetings.ts";
import type { Relay, RelayEnd } from "../meet/relay.ts";
import { newNonce } from "../trust/nonce.ts";
import { verifyRegistration } from "../trust/registration.ts";
import { answer, Refused, type Response } from "../wire/answerer.ts";
import { decodePayload } from "../wire/codec.ts";
import { type Address, type Connection, formatAddress } from "../wire/connection.ts";
import { isInScope } from "../wire/ip_address.ts";
import {
  Announcement,
  BootstrapRequest,
  Holding,
  LIST_CAP,
  PROTOCOL_VERSION,
  type Way,
} from "../wire/protocol.ts";
import type { CallBacks } from "./call_backs.ts";
import { isAhead } from "../trust/announcement.ts";
import { firstForged } from "./first_forged.ts";
import type { Introductions, Reachable } from "./introductions.ts";
import { READ_AHEAD, type RequestKind, STEPS_PER_ASK } from "./limits.ts";
import type { BootstrapObserver } from "./observer.ts";
import type { OwnAddresses } from "./own_addresses.ts";
import type { Registry } from "./registry.ts";
import type { Occupant, Rooms } from "./rooms.ts";
import { type Grants, Visitor } from "./visitor.ts";

const Announcements = v.pipe(v.array(Announcement), v.maxLength(LIST_CAP));
const Holdings = v.pipe(v.array(Holding), v.maxLength(LIST_CAP));

/** The kind that each request counts as. A payload is counted when it is admitted, a `find` by itself. */
const KINDS: Record<BootstrapRequest["action"], RequestKind | undefined> = {
  hello: "ask",
  list_sources: "list",
  heartbeat: "ask",
  goodbye: "ask",
  reach: "reach",
  meet: "ask",
  open_room: "ask",
  enter_room: "enter",
  say: "ask",
  dismiss: "ask",
  close_room: "ask",
  get_peers: "list",
  list_files: "list",
  register: "register",
  find: undefined,
  announce: undefined,
  withdraw: undefined,
};

/** An announcement has about so many bytes and never much less, so that they needn't be read first. */
const ANNOUNCEMENT_BYTES = 350;

/** Members that are looked at for one that relays. */
const RELAY_TRIES = 3;

type FindRequest = Extract<BootstrapRequest, { action: "find" }>;
type ReachRequest = Extract<BootstrapRequest, { action: "reach" }>;
type MeetRequest = Extract<BootstrapRequest, { action: "meet" }>;
type RegisterRequest = Extract<BootstrapRequest, { action: "register" }>;

export interface SessionOptions extends Grants {
  registry: Registry;
  callBacks: CallBacks;
  rooms: Rooms;
  observer?: BootstrapObserver;
  /** The name and version of this bootstrap's program. */
  agent: string;
  /** The addresses at which it is reached. */
  own: OwnAddresses;
  /** The connection that speaks for a peer: the one that registered it last. Shared by all sessions. */
  speakers: Map<string, Session>;
  introductions: Introductions;
  /** The callers that are about to call each other. */
  punches: Meetings<Address>;
  /** Passes on what peers say that have no other way. Default this bootstrap does not. */
  relay?: Relay;
  /** The peers of a private swarm that do so. Shared by all sessions. */
  relays: Set<string>;
}

export class Session {
  readonly #connection: Connection;
  readonly #options: SessionOptions;
  readonly #registry: Registry;
  readonly #visitor: Visitor;
  readonly #nonce = newNonce();
  /** The peer id that this connection registered. */
  #peer: string | undefined;
  /** The ways that peer has besides being called. */
  #ways: Way[] = [];
  /** This connection's end of a pair that the relay carries. */
  #relayed: RelayEnd | undefined;
  /** This connection in a room, once it is in one. */
  #occupant: Occupant | undefined;

  constructor(connection: Connection, options: SessionOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#registry = options.registry;
    this.#visitor = new Visitor(connection, options);
  }

  /**
   * Serves the connection until it ends, as wire/answerer.ts does. The peer stays listed after that,
   * unless it said goodbye: it may be about to come back.
   */
  async run(): Promise<void> {
    try {
      await answer(this.#connection, {
        requests: BootstrapRequest,
        answer: (request, payload) => this.#observed(request, this.#answer(request, payload)),
        admit: (_action, bytes) => this.#admit(bytes),
        legacy: (message) =>
          answerAsBootstrap(this.#connection, message, {
            registry: this.#registry,
            visitor: this.#visitor,
          }),
        count: () => this.#visitor.spend("ask"),
        readAhead: READ_AHEAD,
        last: (request) =>
          request.action === "goodbye" || request.action === "meet" && request.way === "relay",
      });
      await this.#relayed?.carry(this.#connection.detach());
    } finally {
      this.#relayed?.leave();
      this.#retire();
    }
  }

  /** Admits a payload, from registered peers alone. */
  async #admit(bytes: number): Promise<() => void> {
    this.#registered();
    await this.#visitor.spend("announce", Math.ceil(bytes / ANNOUNCEMENT_BYTES));
    return this.#visitor.holdPayload(bytes);
  }

  /** Tells the observer what a request came to. */
  async #observed(request: BootstrapRequest, answer: Promise<Response>): Promise<Response> {
    const { observer } = this.#options;
    if (!observer) return await answer;
    const begun = performance.now();
    const tell = (result: string) =>
      observer.answered(request.action, result, (performance.now() - begun) / 1_000);
    try {
      const response = await answer;
      tell("ok");
      return response;
    } catch (error) {
      tell(error instanceof Refused ? error.code : "internal");
      throw error;
    }
  }

  async #answer(request: BootstrapRequest, payload: Uint8Array): Promise<Response> {
    const { id } = request;
    const kind = KINDS[request.action];
    if (kind) await this.#visitor.spend(kind);
    switch (request.action) {
      case "hello":
        return this.#hello(id);
      case "register":
        return await this.#register(request);
      case "announce": {
        this.#registered();
        // One that is ahead is not listed; that is no reason to refuse the others.
        const announcements = decodePayload(Announcements, payload)
          .filter(({ time }) => !isAhead(time));
        const unknown = announcements.filter((one) => !this.#registry.isKnown(one));
        const forged = await firstForged(unknown, this.#visitor);
        if (forged) {
          const why = "is not signed by its publisher";
          const name = forged.name.slice(0, 100);
          throw new Refused("bad_signature", `the announcement of ${name} ${why}`);
        }
        // Asked again: the peer may have registered elsewhere while its signatures were checked.
        await this.#registry.announce(this.#registered(), announcements);
        return ok(id);
      }
      case "withdraw":
        await this.#registry.withdraw(this.#registered(), decodePayload(Holdings, payload));
        return ok(id);
      case "heartbeat": {
        const listing = await this.#registry.heartbeat(this.#registered());
        return { message: { action: "ok", id, ...listing } };
      }
      case "get_peers":
        return await this.#inTurn(async () => {
          const { items, cursor } = await this.#registry.getPeers(request.cursor);
          return this.#visitor.list({ action: "peers", id, cursor }, items);
        });
      case "find":
        return await this.#find(request);
      case "list_files":
        return await this.#inTurn(async () => {
          const { pattern } = request;
          const { items, cursor } = await this.#registry.listFiles(pattern, request.cursor);
          return this.#visitor.list({ action: "files", id, cursor }, items);
        });
      case "list_sources":
        return await this.#inTurn(async () => {
          const { name } = request;
          const { items, cursor } = await this.#registry.listSources(name, request.cursor);
          return this.#visitor.list({ action: "source_records", id, cursor }, items);
        });
      case "goodbye":
        if (this.#isSpeaker()) {
          this.#options.callBacks.forget(this.#peer!);
          await this.#registry.goodbye(this.#peer!);
        }
        return ok(id);
      case "reach":
        return await this.#reach(request);
      case "meet":
        return await this.#meet(request);
      case "open_room": {
        const { ticket, seconds, room: wanted } = request;
        const ms = seconds * 1_000;
        const room = this.#options.rooms.open(this.#asOccupant(), { ticket, ms, wanted });
        return { message: { action: "room", id, room } };
      }
      case "enter_room":
        await this.#options.rooms.enter(this.#asOccupant(), request.room, request.blob);
        return ok(id);
      case "say":
        await this.#options.rooms.say(this.#asOccupant(), request.blob, request.guest);
        return ok(id);
      case "dismiss":
        this.#options.rooms.dismiss(this.#asOccupant(), request.guest);
        return ok(id);
      case "close_room":
        this.#options.rooms.close(this.#asOccupant());
        return ok(id);
    }
  }

  /** Looks something up when it is this address's turn; waits for a shared registry beside each other. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#registry.shared ? work() : this.#visitor.inTurn(work);
  }

  async #find({ id, name, file, publisher, versions }: FindRequest): Promise<Response> {
    if (name === undefined && file === undefined && publisher === undefined) {
      throw new Refused("bad_message", "find needs a name, a file or a publisher");
    }
    // All that a publisher has is as much as a list.
    const kind = name === undefined && file === undefined ? "list" : "ask";
    await this.#visitor.spend(kind);
    return await this.#inTurn(async () => {
      const { items, steps = 0 } = await this.#registry.find({ name, file, publisher, versions });
      this.#visitor.charge("ask", Math.floor(steps / STEPS_PER_ASK));
      return this.#visitor.list({ action: "found", id }, items);
    });
  }

  async #reach({ id, peer, token, ways, port }: ReachRequest): Promise<Response> {
    const relay = ways.includes("relay") ? await this.#relayFor(peer) : undefined;
    const speaker = this.#options.speakers.get(peer);
    if (!speaker) throw new Refused("not_registered", "that peer is not here");
    const wish = { token, ways, port, host: this.#connection.remote.host };
    const told = this.#options.introductions.introduce(speaker.#asReachable(), wish, relay);
    return { message: { action: "reaching", id, ways: told, relay } };
  }

  /** The address of a member that relays and was reached by a call back, drawn at random. */
  async #relayFor(peer: string): Promise<Address | undefined> {
    const { relay, relays, speakers } = this.#options;
    const others = relay ? [] : [...relays].filter((one) => one !== peer && speakers.has(one));
    for (let tries = 0; tries < RELAY_TRIES && others.length > 0; tries++) {
      const [one] = others.splice(Math.floor(Math.random() * others.length), 1);
      const listing = await this.#registry.listing(one!);
      if (listing?.reachable) return { host: listing.address, port: listing.port };
    }
  }

  #asReachable(): Reachable {
    return {
      host: this.#connection.remote.host,
      ways: this.#ways,
      // One that doesn't read is dropped by its own connection.
      tell: (notice) => void this.#connection.send(notice).catch(() => {}),
    };
  }

  async #meet({ id, token, way }: MeetRequest): Promise<Response> {
    const { introductions, punches, relay } = this.#options;
    const { remote, closing } = this.#connection;
    introductions.require(token, way);
    if (way === "relay" && relay) {
      this.#relayed = await relay.meet(token, remote.host, closing);
      return { message: { action: "met", id } };
    }
    const both = await punches.meet(token, remote, remote.host, closing);
    const other = both[0] === remote ? both[1] : both[0];
    if (!isInScope(other.host, remote.host)) {
      throw new Refused("not_met", "the other peer is in a network of its own");
    }
    return { message: { action: "go", id, ...other } };
  }

  #hello(id: number): Response {
    const observed = formatAddress(this.#connection.remote);
    const { agent } = this.#options;
    const { id: registry, state } = this.#registry.shared ?? {};
    return {
      message: {
        action: "hello",
        id,
        protocol: PROTOCOL_VERSION,
        agent,
        nonce: this.#nonce,
        observed,
        time: Date.now(),
        ...registry && { registry: { id: registry, state } },
      },
    };
  }

  async #register(request: RegisterRequest): Promise<Response> {
    const { id, peer, port, dialled, advertise, agent, labels, ways = [], relay } = request;
    if (!await this.#options.own.has(dialled, this.#connection.local)) {
      const there = formatAddress(dialled);
      const what =
        `no address of this bootstrap is ${there}; if it is reached there, start it with`;
      throw new Refused("not_here", `${what} --advertise ${there}`);
    }
    if (!await this.#visitor.inTurn(() => verifyRegistration(this.#nonce, request))) {
      throw new Refused("bad_signature", "the registration is not signed by that peer");
    }
    if (this.#peer !== undefined && this.#peer !== peer) {
      throw new Refused("bad_message", "this connection has registered another peer");
    }
    // Others are told what was seen here; what is advertised counts once the peer answered there.
    const { host } = this.#connection.remote;
    await this.#registry.register({ peer, address: host, port, agent, labels }, host);
    this.#peer = peer;
    this.#ways = ways;
    // Anybody could say so in an open swarm, and have others call it.
    if (relay && this.#connection.transport.secured) this.#options.relays.add(peer);
    else this.#options.relays.delete(peer);
    this.#options.speakers.set(peer, this);
    this.#options.callBacks.watch({ peer, seen: host, port, dialled, advertise });
    return { message: { action: "registered", id, address: host, port } };
  }

  /** The peer that this connection speaks for. */
  #registered(): string {
    if (this.#isSpeaker()) return this.#peer!;
    const superseded = this.#peer !== undefined;
    throw new Refused(
      "not_registered",
      superseded ? "this peer has registered anew on another connection" : "register first",
    );
  }

  #isSpeaker(): boolean {
    return this.#peer !== undefined && this.#options.speakers.get(this.#peer) === this;
  }

  #asOccupant(): Occupant {
    const connection = this.#connection;
    return this.#occupant ??= {
      host: connection.remote.host,
      notify: (notice) => connection.send(notice).catch(() => connection.close()),
    };
  }

  #retire(): void {
    if (this.#occupant) this.#options.rooms.left(this.#occupant);
    if (!this.#isSpeaker()) return;
    this.#options.speakers.delete(this.#peer!);
    this.#options.relays.delete(this.#peer!);
  }
}

function ok(id: number): Response {
  return { message: { action: "ok", id } };
}
