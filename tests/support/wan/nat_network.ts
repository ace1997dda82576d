import { NetNamespace } from "../net_namespace.ts";
import { outputOf } from "../output_of.ts";
import { lacking } from "../tools.ts";
import { noWan, type WanHost, WanNetwork } from "./wan_network.ts";

/** The reason why no routers can be made here; undefined where they can. */
export const noNat = noWan ?? lacking("nft", "unshare");

/**
 * The kinds of a host's connection (RFC 4787): no router; one that lets everybody in at a port that it
 * maps; those that were called at any port; those that were called at that port; and one that maps each
 * connection to another port.
 */
export const NATS = ["none", "full-cone", "address", "port", "symmetric"] as const;
export type Nat = typeof NATS[number];

/** A kind of connection in the words of a test's name. */
export function natWords(nat: Nat): string {
  return nat === "none" ? "no router" : `a router (${nat})`;
}

interface NatPath {
  roundTripMs: number;
  /** The rate of each link, in Mbit/s; 0 is no limit. Default 0. */
  mbit?: number;
}

/** A public host where others meet, and hosts at home behind routers of their own. */
export class NatNetwork implements AsyncDisposable {
  readonly meeting: WanHost;
  /** The public host of each home: its router, or itself. */
  readonly routers: readonly WanHost[];
  readonly homes: readonly WanHost[];
  readonly #stack: AsyncDisposableStack;

  private constructor(
    { meeting, routers, homes }: Pick<NatNetwork, "meeting" | "routers" | "homes">,
    stack: AsyncDisposableStack,
  ) {
    this.meeting = meeting;
    this.routers = routers;
    this.homes = homes;
    this.#stack = stack;
  }

  /** Makes a home for each of `nats`. Throws when that needs what is missing here. */
  static async open({ roundTripMs, mbit = 0 }: NatPath, nats: Nat[]): Promise<NatNetwork> {
    if (noNat) throw new Error(`Cannot make routers: ${noNat}`);
    await using stack = new AsyncDisposableStack();
    const links = [{ up: 0, down: 0 }, ...nats.map(() => ({ up: mbit, down: mbit }))];
    const wan = stack.use(await WanNetwork.open({ roundTripMs, bufferMs: 500 }, links));
    const [meeting, ...routers] = wan.hosts as [WanHost, ...WanHost[]];
    const homes = await Promise.all(routers.map(async (router, index) => {
      const nat = nats[index]!;
      if (nat === "none") return router;
      const home = stack.use(await NetNamespace.start());
      return await connectHome(router, home, nat, index + 1);
    }));
    return new NatNetwork({ meeting, routers, homes }, stack.move());
  }

  /** Exchanges a router for one of another kind; connections that are open live on. */
  async change(home: number, nat: Nat): Promise<void> {
    const { address, prefix } = this.homes[home]!;
    if (address === this.routers[home]!.address) throw new Error(`${prefix} has no router`);
    await setRules(this.routers[home]!, nat, address);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

async function connectHome(
  router: WanHost,
  { pid, prefix }: NetNamespace,
  nat: Nat,
  number: number,
): Promise<WanHost> {
  const lan = `192.168.${number}`;
  const routerPid = /\d+/.exec(router.prefix.join(" "))![0];
  await script([], `ip link add home netns ${routerPid} type veth peer name eth0 netns ${pid}`);
  await script(
    router.prefix,
    `ip address add ${lan}.1/24 dev home
     ip link set home up
     echo 1 > /proc/sys/net/ipv4/ip_forward`,
  );
  await setRules(router, nat, `${lan}.2`);
  await script(
    prefix,
    `ip link set lo up
     ip address add ${lan}.2/24 dev eth0
     ip link set eth0 up
     ip route add default via ${lan}.1`,
  );
  return { prefix, address: `${lan}.2`, rate: 0 };
}

async function setRules(router: WanHost, nat: Nat, home: string): Promise<void> {
  const rules = rulesOf(nat, home, router.address)
    .replaceAll("WAN", JSON.stringify(await deviceOf(router)));
  await script(router.prefix, `nft -f - <<'END'\n${rules}\nEND`);
}

/** The device that leads out of a public host. */
async function deviceOf({ prefix: [command, ...rest] }: WanHost): Promise<string> {
  const { stdout } = await outputOf(command!, {
    args: [...rest, "ip", "-o", "-4", "route", "show"],
  });
  return / dev (\S+)/.exec(new TextDecoder().decode(stdout))![1]!;
}

async function script(prefix: string[], text: string): Promise<void> {
  const [command, ...args] = [...prefix, "sh", "-ec", text];
  const { success, stderr } = await outputOf(command!, { args });
  if (!success) throw new Error(`Cannot make a router: ${new TextDecoder().decode(stderr)}`);
}

/** The rules of a router; what nobody at home asked for is dropped without a word. */
function rulesOf(nat: Nat, home: string, outside: string): string {
  const inward = {
    "none": "",
    "full-cone": `iifname WAN meta l4proto tcp ct state new dnat to ${home}`,
    "address": `iifname WAN meta l4proto tcp ip saddr @called dnat to ${home}`,
    "port": "",
    "symmetric": "",
  }[nat];
  const outward = nat === "symmetric" ? "masquerade fully-random" : `snat to ${outside}`;
  return `
table ip nat
delete table ip nat
table ip nat {
  set called { type ipv4_addr; flags dynamic; timeout 1m; size 1000; }
  chain prerouting { type nat hook prerouting priority -100; ${inward} ; }
  chain forward {
    type filter hook forward priority 0; policy drop;
    iifname "home" update @called { ip daddr }
    iifname "home" accept
    ct state established,related accept
    ct status dnat accept
  }
  chain input { type filter hook input priority 0; policy drop; iifname != WAN accept; }
  chain postrouting { type nat hook postrouting priority 100; oifname WAN ${outward} ; }
}`.replace("; ;", ";").replace(";  ;", ";");
}
