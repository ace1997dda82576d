/**
 * Figures of the page, in a real Chromium on this machine: first paint, weight, how old the events are,
 * the longest frame with 10,000 files, and what an open page costs a download. `deno task bench:page`;
 * needs chromium, and 5 GiB of space for temporary files.
 */
import type { Browser, Page } from "playwright-core";
import { launchBrowser, linkOf, signedIn } from "../tests/browser/browser.ts";
import { measureAge, measureLoad, watchFrames } from "../tests/browser/in_page.js";
import { type Peer, World, writeRandom } from "../tests/e2e/world.ts";

/** Files that are listed. */
const FILES = 10_000;
/** Files that are shared by one command, so that its words fit on a command line. */
const AT_ONCE = 2_000;
/** Page loads that first paint is the median of. */
const LOADS = 9;
/** Downloads with an open page, and as many without. */
const DOWNLOADS = 5;
/** So that one takes seconds: opening the page and the download's own begin and end weigh little. */
const DOWNLOAD_SIZE = 2 * 2 ** 30;
/** Changes whose events are timed. */
const CHANGES = 40;

const browser = await launchBrowser();
try {
  await using world = await World.create();
  const alice = await world.peer("alice");
  const bob = await world.peer("bob", { args: ["--ui", "0"] });
  const page = await signedIn(browser, await linkOf(world, bob));
  const { paint, weight } = await loads(page);
  print("first paint", `${Math.round(paint)} ms`, `median of ${LOADS} loads; aim: under 300 ms`);
  print("page weight", `${(weight / 1024).toFixed(1)} KiB`, "everything loaded; aim: under 150 KB");
  await Deno.writeTextFile(`${bob.dir}/changing`, "changing");
  const ages = await page.evaluate(measureAge, { name: "changing", times: CHANGES });
  print(
    "age of an event",
    `${Math.round(median(ages))} ms`,
    `median of ${CHANGES} shares and unshares, from request to event; longest ` +
      `${Math.round(Math.max(...ages))} ms; aim: under 250 ms`,
  );
  await page.context().close();
  const [without, withPage] = await rates(browser, { world, alice, bob });
  print(
    "download",
    `${mib(without)} MiB/s`,
    `median of ${DOWNLOADS}, ${DOWNLOAD_SIZE / 2 ** 30} GiB each, no page`,
  );
  const ratio = (withPage / without).toFixed(2);
  print(
    "download",
    `${mib(withPage)} MiB/s`,
    `the same in turns with these, Transfers open: ${ratio} x; aim: 0.9 or more`,
  );
  await shareMany(world, alice);
  for (const [what, longest] of await frames(browser, { world, bob })) {
    print(
      `longest frame, ${what}`,
      `${Math.round(longest)} ms`,
      `${FILES} files; aim: under 100 ms`,
    );
  }
} finally {
  await browser.close();
}

function print(what: string, value: string, about: string): void {
  console.log(`${what.padEnd(26)} ${value.padStart(12)}   ${about}`);
}

function mib(rate: number): string {
  return (rate / 2 ** 20).toFixed(0);
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

/** Loads the page again and again, with nothing cached. */
async function loads(page: Page): Promise<{ paint: number; weight: number }> {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  const paints: number[] = [];
  let weight = 0;
  for (let i = 0; i < LOADS; i++) {
    await page.reload({ waitUntil: "load" });
    await page.getByRole("searchbox").waitFor();
    await page.waitForTimeout(500);
    const load = await page.evaluate(measureLoad);
    paints.push(load.paint);
    weight = load.weight;
  }
  return { paint: median(paints), weight };
}

/** Bytes per second of downloads without and with an open page, taken in turns. */
async function rates(
  browser: Browser,
  { world, alice, bob }: { world: World; alice: Peer; bob: Peer },
): Promise<[number, number]> {
  await writeRandom(`${alice.dir}/big.bin`, DOWNLOAD_SIZE);
  await world.run(alice.dir, ["share", "big.bin"]);
  const download = async () => {
    const { rate } = await world.json<{ rate: number }>(bob.dir, ["get", "big.bin"]);
    await world.run(bob.dir, ["unshare", "big.bin"]);
    await Deno.remove(`${bob.dir}/big.bin`);
    return rate;
  };
  await download();
  const found: [number[], number[]] = [[], []];
  for (let i = 0; i < DOWNLOADS; i++) {
    found[0].push(await download());
    const page = await signedIn(browser, await linkOf(world, bob));
    await page.getByRole("tab", { name: "Transfers" }).click();
    await page.locator(".plot canvas").waitFor();
    found[1].push(await download());
    await page.context().close();
  }
  return [median(found[0]), median(found[1])];
}

async function shareMany(world: World, { dir }: Peer): Promise<void> {
  for (let first = 0; first < FILES; first += AT_ONCE) {
    const names = Array.from({ length: AT_ONCE }, (_, i) => `file ${first + i} of many.bin`);
    await Promise.all(names.map((name) => Deno.writeTextFile(`${dir}/${name}`, name)));
    await world.run(dir, ["share", "--quiet"], { words: names });
  }
}

/** The longest frame while the list loads, is filtered, sorted and scrolled. */
async function frames(
  browser: Browser,
  { world, bob }: { world: World; bob: Peer },
): Promise<[what: string, ms: number][]> {
  const page = await signedIn(browser, await linkOf(world, bob));
  const longest = async (act: () => Promise<void>) => {
    const watch = await page.evaluateHandle(watchFrames);
    await act();
    await page.waitForTimeout(500);
    return await watch.evaluate((watch) => watch.stop());
  };
  const counted = (text: string) => page.locator(".count").getByText(text).waitFor();
  const loading = await longest(async () => {
    await page.getByRole("button", { name: "Refresh" }).click();
    // The file of the downloads is listed as well.
    await counted(`${(FILES + 1).toLocaleString("en")} files`);
  });
  const search = page.getByRole("searchbox");
  const filtering = await longest(async () => {
    await search.pressSequentially("777 of", { delay: 60 });
    await search.fill("");
  });
  const sorting = await longest(async () => {
    for (const by of ["Size", "Age", "Name"]) {
      await page.getByRole("columnheader", { name: by }).getByRole("button").click();
      await page.waitForTimeout(200);
    }
  });
  const scrolling = await longest(async () => {
    await page.locator(".scroll").hover();
    for (let i = 0; i < 40; i++) await page.mouse.wheel(0, 4_000);
  });
  return [
    ["loading", loading],
    ["filtering", filtering],
    ["sorting", sorting],
    ["scrolling", scrolling],
  ];
}
