/**
 * Makes docs/screenshots: each tab in light and dark and two on a phone, of real peers at work. `deno task screenshots`.
 */
import type { Page } from "playwright-core";
import { type Peer, World, writeRandom } from "../e2e/world.ts";
import { launchBrowser, linkOf, signedIn } from "./browser.ts";

const OUT = new URL("../../docs/screenshots/", import.meta.url);
const FILES: [name: string, kilobytes: number][] = [
  ["talks/2026/keynote.mp4", 46_300],
  ["talks/2026/lightning-talks.mp4", 18_120],
  ["debian-13.5.0-amd64-netinst.iso", 93_900],
  ["datasets/weather-stations.parquet", 12_800],
  ["datasets/tide-gauges.parquet", 5_400],
  ["field-notes.pdf", 2_310],
  ["music/rehearsal.flac", 24_500],
];

/** The files of a folder that is shared as one. */
const PHOTOS: [name: string, kilobytes: number][] = [
  ["2025/lighthouse.jpg", 4_120],
  ["2026/harbour/boats at dawn.jpg", 5_870],
  ["2026/harbour/crane.jpg", 3_410],
  ["2026/harbour/gulls.jpg", 2_960],
  ["2026/storm.mov", 38_200],
  ["captions.txt", 3],
];

await using world = await World.create();
const alice = await world.peer("alice", { args: ["--ui", "0", "--limit-up", "3M"] });
const config = ["--config", `${world.root}/config.toml`];
const bob = await world.peer("bob", { args: ["--ui", "0", ...config] });
const carol = await world.peer("carol", { args: ["--limit-up", "2M"] });
await shareAll(alice, FILES);
await writeAll(`${alice.dir}/photos`, PHOTOS);
await world.run(alice.dir, ["share", "photos"]);
await shareAll(carol, [["field-notes.pdf", 2_290], ["recipes.txt", 14], ["maps/coast.svg", 850]]);
await shareAll(bob, [["thesis-draft.pdf", 4_180], ["samples/loop.wav", 9_100]]);
await world.run(bob.dir, ["get", "datasets/tide-gauges.parquet"]);
const big = world.start(bob.dir, ["get", "debian-13.5.0-amd64-netinst.iso"]);
const small = world.start(bob.dir, ["get", "talks/2026/keynote.mp4"]);
const third = world.start(carol.dir, ["get", "thesis-draft.pdf"]);

const browser = await launchBrowser();
try {
  await Deno.mkdir(OUT, { recursive: true });
  for (const colorScheme of ["light", "dark"] as const) {
    const page = await signedIn(browser, await linkOf(world, bob), { colorScheme });
    for (const tab of ["Files", "Transfers", "Peers", "Settings"]) {
      await page.getByRole("tab", { name: tab }).click();
      await ready(page, tab);
      await picture(page, `${tab.toLowerCase()}-${colorScheme}.png`);
    }
    await page.getByRole("tab", { name: "Files" }).click();
    await page.getByRole("link", { name: "photos" }).click();
    await page.locator(".row.entry .text").first().waitFor();
    await picture(page, `folder-${colorScheme}.png`);
    await page.context().close();
  }
  const viewport = { width: 375, height: 667 };
  const phone = await signedIn(browser, await linkOf(world, bob), { viewport });
  for (const tab of ["Files", "Transfers"]) {
    await phone.getByRole("tab", { name: tab }).click();
    await ready(phone, tab);
    await picture(phone, `${tab.toLowerCase()}-phone.png`);
  }
} finally {
  await browser.close();
  await Promise.all([big, small, third].map((program) => program.stop()));
}

async function picture(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: decodeURIComponent(new URL(name, OUT).pathname) });
}

async function shareAll({ dir }: Peer, files: [string, number][]): Promise<void> {
  await writeAll(dir, files);
  await world.run(dir, ["share", ...files.map(([name]) => name)]);
}

async function writeAll(dir: string, files: [string, number][]): Promise<void> {
  for (const [name, kilobytes] of files) {
    await Deno.mkdir(`${dir}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await writeRandom(`${dir}/${name}`, kilobytes * 1024);
  }
}

/** Waits until the tab shows what it is about. */
async function ready(page: Page, tab: string): Promise<void> {
  const sign: Record<string, string> = {
    Files: ".row .name .text",
    Transfers: "canvas.chunks",
    Peers: "tbody tr",
    Settings: ".settings input, .state",
  };
  await page.locator(sign[tab]).first().waitFor();
  // Two seconds of history, so that the plot has a line.
  if (tab === "Transfers") await page.waitForTimeout(2_500);
}
