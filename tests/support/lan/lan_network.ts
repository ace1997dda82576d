import { NetNamespace } from "../net_namespace.ts";
import { isRoot, lacking, noLinux } from "../tools.ts";

/** The reason why no networks can be made here; undefined where they can. */
export const noLan = noLinux ?? (isRoot ? lacking("ip", "nsenter", "unshare") : "it takes root");

/** A host in a network namespace of its own. */
export interface LanHost {
  /** Words to put before a command that is to run there. */
  prefix: string[];
  /** Runs `ip` there. */
  ip(...args: string[]): Promise<void>;
}

/** The addresses of a host, with their networks: `10.20.0.1/24`. Without one of IPv6, that is off. */
type HostAddresses = string[];

/**
 * Hosts in network namespaces of their own on one Ethernet. All of it ends with this process at the
 * latest. Needs root.
 */
export class LanNetwork implements AsyncDisposable {
  readonly hosts: readonly LanHost[];
  readonly #holders: NetNamespace[];

  private constructor(hosts: LanHost[], holders: NetNamespace[]) {
    this.hosts = hosts;
    this.#holders = holders;
  }

  /** Makes hosts with these addresses. Throws when that needs what is missing here. */
  static async open(all: HostAddresses[]): Promise<LanNetwork> {
    if (noLan) throw new Error(`Cannot make a network: ${noLan}`);
    await using stack = new AsyncDisposableStack();
    const hub = stack.use(await NetNamespace.start());
    await hub.run("ip", "link", "add", "br0", "type", "bridge");
    await hub.run("ip", "link", "set", "br0", "up");
    const holders = [hub];
    for (const [index, addresses] of all.entries()) {
      const host = stack.use(await NetNamespace.start());
      holders.push(host);
      const hasSix = addresses.some((address) => address.includes(":"));
      if (!hasSix) {
        await host.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6");
      }
      const port = `p${index}`;
      await hub.run(
        ...["ip", "link", "add", port, "type", "veth"],
        ...["peer", "name", "eth0", "netns", `${host.pid}`],
      );
      await hub.run("ip", "link", "set", port, "master", "br0", "up");
      await host.run("ip", "link", "set", "lo", "up");
      for (const address of addresses) {
        const now = address.includes(":") ? ["nodad"] : [];
        await host.run("ip", "addr", "add", address, "dev", "eth0", ...now);
      }
      await host.run("ip", "link", "set", "eth0", "up");
    }
    stack.move();
    const hosts = holders.slice(1).map((host) => ({
      prefix: host.prefix,
      ip: (...args: string[]) => host.run("ip", ...args),
    }));
    return new LanNetwork(hosts, holders);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#holders.map((one) => one[Symbol.asyncDispose]()));
  }
}
