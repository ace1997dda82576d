import type { Browser } from "playwright-core";
import { linkOf, signedIn } from "../../tests/browser/browser.ts";
import { World, writeRandom } from "../../tests/e2e/world.ts";
import { cpuSeconds, processesUnder } from "../measure/cpu_time.ts";
import { median } from "../measure/interleave.ts";
import type { PageBenchOptions } from "../page_options.ts";

const MIB = 1 << 20;
/** Time after which the cost of opening a page is over, in milliseconds. */
const SETTLED_MS = 2_000;

interface Measured {
  /** Bytes per second. */
  rate: number;
  /** Processor seconds for a GiB: of both peers together, and of the browser. */
  peers: number;
  browser: number;
}

/** The cost of an open page for a download on the same machine: in turns with and without one. */
export async function* pageDownload(
  browser: Browser,
  { size, rounds }: PageBenchOptions,
): AsyncGenerator<string> {
  await using world = await World.create();
  const alice = await world.peer("alice");
  const bob = await world.peer("bob", { args: ["--ui", "0"] });
  const peers = [alice, bob].map(({ program }) => program.pid);
  await writeRandom(`${alice.dir}/big.bin`, size);
  await world.run(alice.dir, ["share", "big.bin"]);

  const download = async (): Promise<Measured> => {
    const others = (await processesUnder(Deno.pid, "chrom")).filter((pid) => !peers.includes(pid));
    const used = () => Promise.all([cpuSeconds(peers), cpuSeconds(others)]);
    const before = await used();
    const { rate } = await world.json<{ rate: number }>(bob.dir, ["get", "big.bin"]);
    const after = await used();
    await world.run(bob.dir, ["unshare", "big.bin"]);
    await Deno.remove(`${bob.dir}/big.bin`);
    const [ofPeers, ofBrowser] = after.map((seconds, at) =>
      Math.max(0, seconds - before[at]) / (size / 1024 ** 3)
    );
    return { rate, peers: ofPeers, browser: ofBrowser };
  };

  await download();
  const without: Measured[] = [];
  const withPage: Measured[] = [];
  for (let i = 0; i < rounds; i++) {
    without.push(await download());
    const page = await signedIn(browser, await linkOf(world, bob));
    await page.getByRole("tab", { name: "Transfers" }).click();
    await page.locator(".plot canvas").waitFor();
    await page.waitForTimeout(SETTLED_MS);
    withPage.push(await download());
    await page.context().close();
  }
  yield `download: ${rounds} of ${
    size / MIB
  } MiB in turns without and with Transfers open; medians`;
  yield `  without ${told(without)}`;
  yield `  with    ${told(withPage)}`;
  const ratio = of(withPage, "rate") / of(without, "rate");
  yield `  ${ratio.toFixed(2)} x the rate (goal: 0.9 or more)`;
}

function told(measured: Measured[]): string {
  const [rate, peers, browser] = (["rate", "peers", "browser"] as const).map((what) =>
    of(measured, what)
  );
  return `${(rate / MIB).toFixed(0)} MiB/s; processor time for a GiB: both peers ` +
    `${peers.toFixed(2)} s, browser ${browser.toFixed(2)} s`;
}

function of(measured: Measured[], what: keyof Measured): number {
  return median(measured.map((one) => one[what]))!;
}
