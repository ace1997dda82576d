import { Fault, inQuotes } from "../../fault.ts";
import { isOwnState, requireOwnState } from "../../store/state/state_origin.ts";
import { stateFolderOf } from "../../store/state/state_folder.ts";
import { readControlFile } from "../../web/control_file.ts";
import { SilentPeer } from "../../web/silent_peer.ts";
import type { Webhooks } from "../../web/webhooks/webhooks.ts";
import type { UiDoor, UiSettings } from "../../web/ui_door.ts";
import { transportOf } from "../../library/transport_of.ts";
import type { PrivateTransport } from "../../trust/tls/private_transport.ts";
import { BootstrapClient } from "../../peer/discovery/bootstrap_client.ts";
import type { ControlClient } from "../../web/control_client.ts";
import type { PeerNode } from "../../peer/node.ts";
import type { PeerApi, PeerEvent, QueryApi } from "../../peer/api/peer_api.ts";
import { AGENT } from "../../version.ts";
import { inTheClear, type Transport } from "../../wire/transport.ts";
import { QueryPeer } from "../../peer/query_peer.ts";
import type { PeerSettings } from "../../peer/api/settings.ts";

/**
 * The role of a peer: `serve` owns DIR and listens; `verb` asks the running peer of DIR, or owns
 * DIR itself without listening; `seed` asks it too, or else owns DIR and listens, but resumes no
 * downloads; `plan` is a `verb` that leaves nothing in a DIR where there was no state.
 */
export type Role = "serve" | "seed" | "verb" | "plan";

/** A peer to be asked, here or in another process. */
export interface OpenPeer<Api extends QueryApi = PeerApi> {
  api: Api;
  /** True when a running peer in another process is asked. */
  remote: boolean;
  /** Opens the page of a peer that serves; undefined where none does. */
  page?: UiDoor;
  /** Yields what happens from now on; undefined where no peer of this process serves. */
  events?(): AsyncIterable<PeerEvent>;
  /** Reads the config file again and puts it into force; what is wrong with it is logged. */
  reload?(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Opens the peer that fits the role. Throws a `held` Fault when another process owns DIR and can't be
 * asked, a `usage` or `disk` Fault when DIR or the swarm key can't be used, and a `network` Fault when
 * the port is taken. A peer that serves can open its page at any time; with `page` it does so at once.
 * What a role doesn't need is not loaded: a verb's start is most of its time.
 */
export async function openPeer(
  settings: PeerSettings & {
    role: Role;
    page?: UiSettings;
    webhooks?: string[];
    signal?: AbortSignal;
  },
): Promise<OpenPeer> {
  requireOwnState(stateFolderOf(settings.dir));
  const running = settings.role === "serve"
    ? undefined
    : await findRunning(settings.dir, settings.signal);
  if (running && !(running instanceof SilentPeer)) {
    if (settings.encrypt) await requireEncryption(running, settings.dir);
    return remote(running);
  }
  const transport = await transportOf(settings);
  if (settings.role === "plan") return await openForPlan(settings, transport);
  const { Peer } = await import("../../library/peer.ts");
  const mode = { serve: settings.role !== "verb", resume: settings.role === "serve" };
  const peer = await Peer.openWith(settings, mode, transport).catch(async (cause) => {
    throw await heldByPeer(cause, settings, running) ?? cause;
  });
  const { node } = peer;
  if (settings.role === "verb") return { api: node, remote: false, close: () => peer.close() };
  const { ControlServer, newToken } = await import("../../web/control_server.ts");
  const { UiHost } = await import("../../web/ui_host.ts");
  const token = newToken();
  const page = new UiHost(node, {
    ...settings.page,
    token,
    sessions: node.uiSessions,
    tokens: node.apiTokens,
  });
  try {
    if (settings.page) await page.start();
    const hooks = settings.webhooks && await startWebhooks(node, settings.webhooks);
    const control = ControlServer.start(node, node.folder.control, { token, ui: page });
    return {
      api: node,
      page,
      remote: false,
      events: () => node.events(),
      reload: () => node.reload(),
      // The node first: it ends the work whose answers the control endpoint still owes.
      close: async () => {
        await Promise.all([node.close(), control.stop(), page.stop()]);
        await hooks?.stop();
      },
    };
  } catch (error) {
    await Promise.all([node.close(), page.stop()]);
    throw error;
  }
}

/** Has webhooks called from now on, signed by the key in the state folder. */
async function startWebhooks(node: PeerNode, urls: string[]): Promise<Webhooks> {
  const { webhookKey } = await import("../../web/webhooks/webhook_key.ts");
  const { Webhooks } = await import("../../web/webhooks/webhooks.ts");
  const key = webhookKey(node.folder.webhookKey);
  return new Webhooks((options) => node.events(options), { urls, key, peer: node.id });
}

/** The running peer of DIR; undefined where none runs. Throws a {@link SilentPeer}. */
export async function openRunning(
  { dir, signal }: Pick<PeerSettings, "dir"> & { signal: AbortSignal },
): Promise<OpenPeer | undefined> {
  const running = await findRunning(dir, signal);
  if (running instanceof SilentPeer) throw running;
  return running && remote(running);
}

/** Looks at the swarm through its bootstraps. */
export async function openQuery(settings: PeerSettings): Promise<OpenPeer<QueryApi>> {
  const transport = await transportOf(settings);
  const bootstraps = settings.bootstraps.map((one) => new BootstrapClient(one, { transport }));
  const lan = settings.lan ? await openLan(settings, transport) : undefined;
  return {
    api: new QueryPeer(bootstraps, () => peekTrustOf(settings.dir), { nearby: lan, transport }),
    remote: false,
    close: async () => {
      for (const one of bootstraps) one.close();
      await lan?.close();
    },
  };
}

/** Looks at this machine's networks, as nobody in particular. */
async function openLan(settings: PeerSettings, transport: PrivateTransport | undefined) {
  const { Lan } = await import("../../peer/lan/lan.ts");
  const { ConnectionPool } = await import("../../peer/reach/connection_pool.ts");
  const self = { agent: AGENT, transport: transport ?? await openTransport(settings) };
  return new Lan({
    keys: transport && (() => transport.beaconKeys),
    lines: new ConnectionPool({ self: () => self, limitDown: [] }),
  });
}

/** The transport to the peers of an open swarm. */
async function openTransport({ encrypt }: PeerSettings): Promise<Transport> {
  if (!encrypt) return inTheClear;
  const { Identity } = await import("../../trust/identity.ts");
  const { PeerTransport } = await import("../../trust/tls/peer_transport.ts");
  return new PeerTransport(await Identity.generate(), { encrypt });
}

/** Throws a `usage` Fault if the running peer, which would do the work, talks in the clear. */
async function requireEncryption(running: ControlClient, dir: string): Promise<void> {
  const { swarm } = await running.status();
  if (swarm.private || swarm.encrypted) return;
  throw new Fault("usage", `Cannot encrypt: the peer that runs for "${dir}" talks in the clear`, {
    next: "start that peer with --encrypt, or use another --dir",
  });
}

function remote(running: ControlClient): OpenPeer {
  return { api: running, page: running, remote: true, close: () => Promise.resolve() };
}

/** Opens a peer and removes its state afterwards, if there was none before. */
async function openForPlan(
  settings: PeerSettings,
  transport: PrivateTransport | undefined,
): Promise<OpenPeer> {
  const { Peer } = await import("../../library/peer.ts");
  const isThere = await Deno.lstat(stateFolderOf(settings.dir).path).catch(() => undefined);
  const state = isThere ? undefined : await Deno.makeTempDir({ prefix: "shoal-plan-" });
  const clear = async () => {
    if (state !== undefined) await Deno.remove(state, { recursive: true });
  };
  try {
    const peer = await Peer.openWith({ ...settings, state }, { serve: false }, transport);
    return { api: peer.node, remote: false, close: () => peer.close().finally(clear) };
  } catch (error) {
    await clear();
    throw error;
  }
}

/**
 * Reads the remembered publishers of a folder that need not be owned for that, and may not exist.
 */
async function peekTrustOf(dir: string) {
  const folder = stateFolderOf(dir);
  // Foreign state is no reason to trust a publisher.
  if (!isOwnState(folder)) return () => ({});
  const { identity, database } = folder;
  const { peekTrust } = await import("../../store/state/peek_trust.ts");
  const { Identity } = await import("../../trust/identity.ts");
  const isThere = await Deno.stat(identity).catch(() => undefined);
  // Damage is reported where the state is needed.
  const own = isThere && await Identity.load(identity).then(({ id }) => id, () => undefined);
  const known = peekTrust(database);
  return (name: string) => ({ own, remembered: known(name) });
}

/**
 * The Fault for a DIR that is held by a running peer, which other commands can ask. `running` is
 * the peer that was asked and didn't answer.
 */
async function heldByPeer(
  cause: unknown,
  { dir, signal }: { dir: string; signal?: AbortSignal },
  running?: SilentPeer,
): Promise<Fault | undefined> {
  if (!(cause instanceof Fault) || cause.kind !== "held") return;
  const peer = running ?? await findRunning(dir, signal);
  if (!peer || peer instanceof SilentPeer) return peer;
  return new Fault(
    "held",
    `Cannot use ${inQuotes(dir)} as the shared folder: a peer runs for it already`,
    {
      cause,
      next: "ask that one: shoal peer status",
    },
  );
}

/**
 * A client of the peer that runs in `dir`, if one does; a {@link SilentPeer} where it doesn't answer.
 * The file outlives a peer that was killed, so another program may be at that port. `signal` ends
 * whatever the client is asked; throws its reason.
 */
export async function findRunning(
  dir: string,
  signal?: AbortSignal,
): Promise<ControlClient | SilentPeer | undefined> {
  const folder = stateFolderOf(dir);
  const control = isOwnState(folder) ? readControlFile(folder.control) : undefined;
  if (!control) return;
  const { ControlClient } = await import("../../web/control_client.ts");
  const client = new ControlClient(control, { signal });
  try {
    await client.hello();
    return client;
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    return error instanceof SilentPeer ? error : undefined;
  }
}
