import { getLogger } from "@logtape/logtape";
import { messageOf } from "../../fault.ts";
import { Mutex } from "../../async/mutex.ts";

const log = getLogger(["shoal", "service"]);
const encoder = new TextEncoder();

/** Variables that are meant for this process, and for none that it starts. */
const OWN = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"];

/**
 * The service manager that started this process and wants to be notified: systemd's protocol of
 * datagrams (sd_notify(3)). Without one, all methods do nothing. A notification that can't be sent
 * is logged once: the service goes on serving.
 */
export class ServiceManager implements Disposable {
  readonly #address: string | undefined;
  readonly #watchdogMs: number | undefined;
  #socket: Deno.DatagramConn | undefined;
  #watchdog: ReturnType<typeof setInterval> | undefined;
  readonly #sending = new Mutex();
  #failed = false;

  private constructor(address: string | undefined, watchdogMs?: number) {
    this.#address = address;
    this.#watchdogMs = watchdogMs;
  }

  /** The one that the environment names, where it names one; it is taken out of the environment. */
  static fromEnvironment(env: Pick<Deno.Env, "get" | "delete"> = Deno.env): ServiceManager {
    const [socket, usec, pid] = OWN.map((name) => env.get(name));
    for (const name of OWN) env.delete(name);
    // An address is a path, or a name in the abstract namespace after "@" (sd_notify(3)).
    if (!socket || !/^[/@]./.test(socket)) return new ServiceManager(undefined);
    const meant = pid === undefined || pid === String(Deno.pid);
    const interval = meant && /^\d{1,15}$/.test(usec ?? "") ? Number(usec) / 1000 : 0;
    return new ServiceManager(socket.replace(/^@/, "\0"), interval || undefined);
  }

  /** Says that this process serves, and from then on, twice in each interval, that it still lives. */
  async ready(status: string): Promise<void> {
    if (this.#address === undefined) return;
    await this.#send({ READY: "1", STATUS: status });
    if (this.#watchdogMs === undefined || this.#watchdog !== undefined) return;
    const beat = () => void this.#send({ WATCHDOG: "1" });
    this.#watchdog = setInterval(beat, this.#watchdogMs / 2);
  }

  /** Says that this process is about to end in order, which may take a while. */
  async stopping(): Promise<void> {
    await this.#send({ STOPPING: "1" });
  }

  [Symbol.dispose](): void {
    clearInterval(this.#watchdog);
    this.#socket?.close();
    this.#socket = undefined;
  }

  /** One after the other, in one datagram each. Never rejects. */
  #send(state: Record<string, string>): Promise<void> {
    const path = this.#address;
    if (path === undefined) return Promise.resolve();
    const lines = Object.entries(state).map(([name, value]) => `${name}=${value}`).join("\n");
    return this.#sending.run(async () => {
      try {
        this.#socket ??= openSocket();
        await this.#socket.send(encoder.encode(lines), { transport: "unixpacket", path });
      } catch (error) {
        if (this.#failed) return;
        this.#failed = true;
        const to = path.replace("\0", "@");
        log.warn("Cannot notify {to}: {error}", { to, error: messageOf(error) });
      }
    });
  }
}

/** A socket to send from. The runtime wants it to have a path; no other process needs that. */
function openSocket(): Deno.DatagramConn {
  const folder = Deno.makeTempDirSync({ prefix: "shoal-notify-" });
  try {
    return Deno.listenDatagram({ transport: "unixpacket", path: `${folder}/socket` });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
