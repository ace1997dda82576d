import type { Browser } from "playwright-core";
import { linkOf, signedIn } from "../../tests/browser/browser.ts";
import { measureLoad } from "../../tests/browser/in_page.js";
import { World } from "../../tests/e2e/world.ts";
import { median } from "../measure/interleave.ts";

/** Page loads that first paint is the median of. */
const LOADS = 9;
/** Time for what a load still does after the list is there, in milliseconds. */
const AFTER_MS = 500;

/** The time of the first paint with nothing cached, and the bytes loaded for it. */
export async function* pageLoad(browser: Browser): AsyncGenerator<string> {
  await using world = await World.create();
  const bob = await world.peer("bob", { args: ["--ui", "0"] });
  const page = await signedIn(browser, await linkOf(world, bob));
  const session = await page.context().newCDPSession(page);
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  const paints: number[] = [];
  let weight = 0;
  for (let i = 0; i < LOADS; i++) {
    await page.reload({ waitUntil: "load" });
    await page.getByRole("searchbox").waitFor();
    await page.waitForTimeout(AFTER_MS);
    const load = await page.evaluate(measureLoad);
    paints.push(load.paint);
    weight = load.weight;
  }
  await page.context().close();
  yield `load: first paint after ${Math.round(median(paints)!)} ms, the median of ${LOADS} loads ` +
    "(goal: under 300 ms)";
  yield `load: ${
    (weight / 1024).toFixed(1)
  } KiB (goal: own code under 60 KB compressed, which tests/web/page_test.ts holds)`;
}
