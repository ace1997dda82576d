import type { Receipt } from "../../src/peer/api/peer_api.ts";
import { Program, shoalJson, sourceWords } from "../../tests/e2e/program.ts";
import { lastLine, sameFiles, writeRandom } from "../../tests/e2e/world.ts";
import { outputOf } from "../../tests/support/output_of.ts";
import { TempFolder } from "../../tests/support/temp_folder.ts";
import { type Host, Network } from "../netns.ts";

const FAMILIES = ["IPv4", "IPv6", "both"] as const;
type Family = typeof FAMILIES[number];

const PORT = 8_000;
const SIZE = 200_000;

/** Has a file fetched between hosts with one family of addresses and with both. */
export async function* reachFamilies(): AsyncGenerator<string> {
  yield "families: rows share, columns fetch; the bootstrap has both, and relays";
  yield ["", ...FAMILIES].map((cell) => cell.padEnd(16)).join("");
  let delivered = 0;
  for (const sharer of FAMILIES) {
    const cells: string[] = [];
    for (const fetcher of FAMILIES) {
      const cell = await fetchBetween(sharer, fetcher).catch((error) => `FAILED ${error.message}`);
      if (!cell.startsWith("FAILED")) delivered++;
      cells.push(cell);
    }
    yield [sharer, ...cells].map((cell) => cell.padEnd(16)).join("");
  }
  yield `families: ${delivered} of ${FAMILIES.length ** 2} cells delivered (goal: all)`;
}

/** The path by which a file came. */
async function fetchBetween(sharer: Family, fetcher: Family): Promise<string> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await TempFolder.create());
  const network = stack.use(new Network());
  const hosts = await network.add(3);
  const families: Family[] = ["both", sharer, fetcher];
  for (const [i, host] of hosts.entries()) await setFamily(host, families[i]!, i + 1);
  const [meeting, one, other] = hosts as [Host, Host, Host];
  const program = sourceWords();
  const words = ["bootstrap", "--port", `${PORT}`, "--relay", "100M"];
  const bootstrap = stack.use(new Program(words, { prefix: meeting.prefix, program }));
  await bootstrap.sees(/listening/);
  const at = (
    family: Family,
  ) => ["--bootstrap", family === "IPv6" ? `[${six(1)}]:${PORT}` : `${meeting.address}:${PORT}`];
  for (const dir of ["sharer", "fetcher"]) await Deno.mkdir(folder.at(dir));
  await writeRandom(folder.at("sharer/file.bin"), SIZE);
  const sharing = ["--dir", folder.at("sharer"), ...at(sharer)];
  const here = { prefix: one.prefix, program };
  const peer = stack.use(new Program(["peer", ...sharing, "--no-lan"], here));
  await peer.sees(/registered with/);
  await shoalJson(["peer", "share", "file.bin", ...sharing], here);
  const fetching = ["--dir", folder.at("fetcher"), ...at(fetcher), "--no-lan"];
  const get = stack.use(
    new Program(["peer", "get", "file.bin", "--json", ...fetching], {
      prefix: other.prefix,
      program,
    }),
  );
  const code = await get.ended();
  if (code !== 0) throw new Error(`${code}: ${get.stderr}`);
  if (!await sameFiles(folder.at("sharer/file.bin"), folder.at("fetcher/file.bin"))) {
    throw new Error("another file arrived");
  }
  const { sources }: Receipt = JSON.parse(lastLine(get.stdout));
  return sources.map(({ path }) => path).join(" and ");
}

function six(number: number): string {
  return `fd77::${number}`;
}

/** Takes from a host what it has not, of both families. */
async function setFamily({ prefix, address }: Host, family: Family, number: number): Promise<void> {
  const device = `$(ip -o -4 address show to ${address} | cut -d' ' -f2)`;
  const script = [
    `dev=${device}`,
    family === "IPv4"
      ? `echo 1 > /proc/sys/net/ipv6/conf/$dev/disable_ipv6`
      : `ip -6 address add ${six(number)}/64 dev $dev nodad`,
    family === "IPv6" ? `ip -4 address flush dev $dev` : "",
  ].join("\n");
  const [command, ...rest] = [...prefix, "sh", "-ec", script];
  const { success, stderr } = await outputOf(command!, { args: rest });
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
