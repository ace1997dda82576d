import type { Browser } from "playwright-core";
import { linkOf, signedIn } from "../../tests/browser/browser.ts";
import { measureAge } from "../../tests/browser/in_page.js";
import { World } from "../../tests/e2e/world.ts";
import { median } from "../measure/interleave.ts";

/** Number of changes whose events are timed. */
const CHANGES = 40;

/** The delay between the request that makes a change and its event at the page. */
export async function* pageEvents(browser: Browser): AsyncGenerator<string> {
  await using world = await World.create();
  const bob = await world.peer("bob", { args: ["--ui", "0"] });
  const page = await signedIn(browser, await linkOf(world, bob));
  await Deno.writeTextFile(`${bob.dir}/changing`, "changing");
  const ages = await page.evaluate(measureAge, { name: "changing", times: CHANGES });
  await page.context().close();
  yield `events: ${Math.round(median(ages)!)} ms old, the median of ${CHANGES} shares and ` +
    `unshares from request to event; the oldest ${
      Math.round(Math.max(...ages))
    } ms (goal: under 250 ms)`;
}
