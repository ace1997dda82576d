import type { Browser } from "playwright-core";
import { linkOf, signedIn } from "../../tests/browser/browser.ts";
import { watchFrames } from "../../tests/browser/in_page.js";
import { World } from "../../tests/e2e/world.ts";
import type { PageBenchOptions } from "../page_options.ts";

/** Files that are shared by one command: each is synced to disk, which a busy one takes its time for. */
const AT_ONCE = 500;

/** The longest frame while a long list loads, is filtered, sorted and scrolled. */
export async function* pageFrames(
  browser: Browser,
  { files }: PageBenchOptions,
): AsyncGenerator<string> {
  await using world = await World.create();
  const alice = await world.peer("alice");
  const bob = await world.peer("bob", { args: ["--ui", "0"] });
  await shareMany(world, alice.dir, files);
  const page = await signedIn(browser, await linkOf(world, bob));
  const longest = async (act: () => Promise<void>) => {
    const watch = await page.evaluateHandle(watchFrames);
    await act();
    await page.waitForTimeout(500);
    return await watch.evaluate((watch) => watch.stop());
  };
  const report = (what: string, ms: number) =>
    `frames: at most ${Math.round(ms)} ms ${what} ${files} files (goal: under 100 ms)`;
  const search = page.getByRole("searchbox");
  await search.waitFor();
  yield report(
    "while loading",
    await longest(async () => {
      await page.getByRole("button", { name: "Refresh" }).click();
      await page.locator(".count").getByText(`${files.toLocaleString("en")} files`).waitFor();
    }),
  );
  yield report(
    "while filtering",
    await longest(async () => {
      await search.pressSequentially("777 of", { delay: 60 });
      await search.fill("");
    }),
  );
  yield report(
    "while sorting",
    await longest(async () => {
      for (const by of ["Size", "Age", "Name"]) {
        await page.getByRole("columnheader", { name: by }).getByRole("button").click();
        await page.waitForTimeout(200);
      }
    }),
  );
  yield report(
    "while scrolling",
    await longest(async () => {
      await page.locator(".scroll").hover();
      for (let i = 0; i < 40; i++) await page.mouse.wheel(0, 4_000);
    }),
  );
  await shareFolder(world, alice.dir, files);
  await page.getByRole("button", { name: "Refresh" }).click();
  await search.fill("folder of many");
  const folder = page.getByRole("link", { name: "folder of many" });
  await folder.waitFor();
  yield report(
    "while looking into a folder of",
    await longest(async () => {
      await folder.click();
      await page.locator(".count").getByText(`${files.toLocaleString("en")} files`).waitFor();
      await page.getByRole("searchbox").pressSequentially("777 of", { delay: 60 });
      await page.getByRole("searchbox").fill("");
      await page.locator(".scroll").hover();
      for (let i = 0; i < 40; i++) await page.mouse.wheel(0, 4_000);
    }),
  );
  await page.context().close();
}

async function shareFolder(world: World, dir: string, files: number): Promise<void> {
  const name = "folder of many";
  await Deno.mkdir(`${dir}/${name}`);
  for (let i = 0; i < files; i++) await Deno.writeTextFile(`${dir}/${name}/${i} of many`, `${i}`);
  const { code, stderr } = await world.run(dir, ["share", "--quiet"], { words: [name] });
  if (code !== 0) throw new Error(`Cannot share ${name}: ${stderr}`);
}

async function shareMany(world: World, dir: string, files: number): Promise<void> {
  for (let first = 0; first < files; first += AT_ONCE) {
    const length = Math.min(AT_ONCE, files - first);
    const names = Array.from({ length }, (_, i) => `file ${first + i} of many.bin`);
    await Promise.all(names.map((name) => Deno.writeTextFile(`${dir}/${name}`, name)));
    const { code, stderr } = await world.run(dir, ["share", "--quiet"], { words: names });
    if (code !== 0) throw new Error(`Cannot share ${length} files: ${stderr}`);
  }
}
