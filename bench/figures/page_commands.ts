import type { Browser } from "playwright-core";
import { linkOf, signedIn } from "../../tests/browser/browser.ts";
import { startDownloads, watchTasks } from "../../tests/browser/in_page.js";
import { World, writeRandom } from "../../tests/e2e/world.ts";

/** Downloads that are started from the page at once. */
const COUNTS = [8, 50, 1_000];
/** Bytes of each. */
const SIZE = 256 * 1024;

/** The page while many downloads go on: Pause, a second tab, and the longest task. */
export async function* pageCommands(browser: Browser): AsyncGenerator<string> {
  for (const count of COUNTS) {
    await using world = await World.create();
    const alice = await world.peer("alice", { args: ["--limit-up", "200K"] });
    const bob = await world.peer("bob", { args: ["--ui", "0"] });
    const names = Array.from({ length: count }, (_, at) => `file ${at}`);
    for (const name of names) await writeRandom(`${alice.dir}/${name}`, SIZE);
    for (let at = 0; at < count; at += 100) {
      await world.run(alice.dir, ["share", ...names.slice(at, at + 100)]);
    }
    const page = await signedIn(browser, await linkOf(world, bob));
    await page.getByRole("tab", { name: "Transfers" }).click();
    const tasks = await page.evaluateHandle(watchTasks);
    const started = performance.now();
    await page.evaluate(startDownloads, names);
    const answered = performance.now() - started;
    await page.getByRole("button", { name: /^Pause file/ }).first().waitFor();
    await page.waitForTimeout(3_000);
    const pressed = performance.now();
    const pause = page.getByRole("button", { name: /^Pause file/ }).first();
    const name = (await pause.getAttribute("aria-label"))!.replace("Pause", "Resume");
    await pause.click();
    await page.getByRole("button", { name, exact: true }).waitFor();
    const paused = performance.now() - pressed;
    const opening = performance.now();
    const tab = await page.context().newPage();
    await tab.goto(new URL("/", page.url()).href);
    await tab.getByText(/^file \d+$/).first().waitFor();
    const opened = performance.now() - opening;
    const longest = await tasks.evaluate((one) => one.stop());
    const { transfers } = await world.json<{ transfers: { state: string }[] }>(bob.dir, ["status"]);
    const running = transfers.filter(({ state }) => state === "active").length;
    await page.context().close();
    yield `commands: ${count} downloads: all answered after ${Math.round(answered)} ms, ` +
      `${running} run, Pause seen after ${Math.round(paused)} ms (goal: 300), a second tab after ` +
      `${Math.round(opened)} ms (goal: 1,000), longest task ${Math.round(longest)} ms (goal: 100)`;
  }
}

/** The time until a peer that hangs is noticed, and one that is back. */
export async function* pageHung(browser: Browser): AsyncGenerator<string> {
  await using world = await World.create();
  const bob = await world.peer("bob", { args: ["--ui", "0"] });
  const page = await signedIn(browser, await linkOf(world, bob));
  await page.locator(".dot.on").waitFor();
  const banner = page.getByRole("alert").filter({ hasText: "The peer does not answer" });
  const times: number[] = [];
  for (const [signal, state] of [["SIGSTOP", "visible"], ["SIGCONT", "detached"]] as const) {
    const since = performance.now();
    Deno.kill(bob.program.pid, signal);
    await banner.waitFor({ state });
    times.push(Math.round(performance.now() - since));
  }
  await page.context().close();
  yield `hung: noticed after ${times[0]} ms (goal: 4,000), back after ${times[1]} ms (goal: 3,000)`;
}
