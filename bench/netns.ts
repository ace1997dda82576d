/** Hosts on one machine: network namespaces on a bridge, each link with a rate of its own. */

/** Runs a command; throws with what it printed when it fails. */
async function run(...words: string[]): Promise<void> {
  const [command, ...args] = words;
  const { success, stderr } = await new Deno.Command(command, { args }).output();
  if (!success) throw new Error(`${words.join(" ")}: ${new TextDecoder().decode(stderr).trim()}`);
}

export interface Host {
  /** Words to put before a command that is to run there. */
  prefix: string[];
  /** Its IPv4 address. */
  address: string;
  /** The limit that programs there must keep, each way, in bytes per second; 0 is no limit. */
  rate: number;
}

/** A small network that goes when it is disposed of. Needs root, `ip` and `tc`. */
export class Network {
  readonly hosts: Host[] = [];
  readonly #tag = crypto.randomUUID().slice(0, 4);
  readonly #names: string[] = [];

  /** True where such networks can be made. */
  static async possible(): Promise<boolean> {
    try {
      await using network = new Network();
      await network.add(1);
      return true;
    } catch {
      return false;
    }
  }

  /** Adds hosts to the network, both ways of whose links carry `mbit` Mbit/s; no limit without it. */
  async add(count: number, mbit?: number): Promise<Host[]> {
    const hub = `sh${this.#tag}hub`;
    if (this.#names.length === 0) {
      this.#names.push(hub);
      await run("ip", "netns", "add", hub);
      await run("ip", "-n", hub, "link", "add", "br0", "type", "bridge");
      await run("ip", "-n", hub, "link", "set", "br0", "up");
    }
    const added: Host[] = [];
    for (let index = 0; index < count; index++) {
      const number = this.hosts.length + added.length + 1;
      const name = `sh${this.#tag}h${number}`;
      const [near, far] = [`v${this.#tag}${number}a`, `v${this.#tag}${number}b`];
      const address = `10.77.0.${number}`;
      this.#names.push(name);
      await run("ip", "netns", "add", name);
      await run(
        "ip",
        "link",
        "add",
        near,
        "netns",
        name,
        "type",
        "veth",
        "peer",
        far,
        "netns",
        hub,
      );
      await run("ip", "-n", name, "address", "add", `${address}/24`, "dev", near);
      await run("ip", "-n", name, "link", "set", near, "up");
      await run("ip", "-n", name, "link", "set", "lo", "up");
      await run("ip", "-n", hub, "link", "set", far, "master", "br0", "up");
      if (mbit) {
        const shape = ["root", "tbf", "rate", `${mbit}mbit`, "burst", "64kb", "latency", "50ms"];
        await run("tc", "-n", name, "qdisc", "add", "dev", near, ...shape);
        await run("tc", "-n", hub, "qdisc", "add", "dev", far, ...shape);
      }
      added.push({ prefix: ["ip", "netns", "exec", name], address, rate: 0 });
    }
    this.hosts.push(...added);
    return added;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#names) await run("ip", "netns", "delete", name).catch(() => {});
  }
}
