import { assert, assertEquals } from "@std/assert";
import type { Page } from "playwright-core";
import { eventually } from "../e2e/checks.ts";
import { sameFiles, World, writeRandom } from "../e2e/world.ts";
import { browserTest, linkOf, signedIn } from "./browser.ts";
import { openTab, rowOf } from "./on_page.ts";

/** Drags files or folders of this machine over the page and drops them, as a person would. */
async function drop(page: Page, ...files: string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await session.send("Input.dispatchDragEvent", { type, x: 400, y: 400, data });
  }
  await session.detach();
}

browserTest(
  "browser: a dropped file is seen on another peer's page, and got there",
  async (browser) => {
    await using world = await World.create();
    const [alice, bob] = [
      await world.peer("alice", { args: ["--ui", "0"] }),
      await world.peer("bob", { args: ["--ui", "0"] }),
    ];
    const [here, there] = [
      await signedIn(browser, await linkOf(world, alice)),
      await signedIn(browser, await linkOf(world, bob)),
    ];
    assertEquals(
      new URL(here.url()).hash + new URL(here.url()).search,
      "",
      "no secret is left there",
    );
    const dialogs: string[] = [];
    there.on("dialog", (dialog) => {
      dialogs.push(dialog.message());
      return dialog.dismiss();
    });
    const name = "<img src=x onerror=alert(1)>.txt";
    const source = `${await world.folder("elsewhere")}/${name}`;
    await writeRandom(source, 300_000);
    await drop(here, source);
    await rowOf(here, name).getByText("shared").waitFor();
    await here.getByText(`${name} is shared.`).waitFor();
    assert(await sameFiles(source, `${alice.dir}/${name}`));
    await rowOf(there, name).getByRole("button", { name: `Get ${name}` }).click();
    await there.getByText(`${name} is here, whole and verified.`).waitFor();
    assert(await sameFiles(source, `${bob.dir}/${name}`));
    await rowOf(there, name).getByText("shared").waitFor();
    assertEquals(await there.locator("img[src=x]").count(), 0);
    assertEquals(dialogs, []);
    await rowOf(here, name).getByRole("button", { name: `Unshare ${name}` }).click();
    await here.getByText("is not shared any more").waitFor();
    assert(await sameFiles(source, `${alice.dir}/${name}`), "the file itself is left alone");
  },
);

browserTest("browser: a folder is dropped on any tab, and told of as one", async (browser) => {
  await using world = await World.create();
  const alice = await world.peer("alice", { args: ["--ui", "0"] });
  const page = await signedIn(browser, await linkOf(world, alice));
  const folder = await world.folder("elsewhere");
  await Deno.mkdir(`${folder}/album/deep`, { recursive: true });
  await Deno.mkdir(`${folder}/empty`);
  for (let i = 0; i < 60; i++) await Deno.writeTextFile(`${folder}/album/deep/${i}`, `note ${i}`);
  await openTab(page, "Transfers");
  await drop(page, `${folder}/empty`);
  await page.getByRole("alert").filter({ hasText: "there is no file in it" }).waitFor();
  await drop(page, `${folder}/album`);
  await page.getByText("album is shared.").waitFor();
  await rowOf(page, "album").getByText("folder of 61").waitFor();
  assertEquals(await page.getByRole("button", { name: /^Unshare/ }).count(), 1);
  const { shares } = await world.json<{ shares: { name: string }[] }>(alice.dir, ["status"]);
  assertEquals(shares.map(({ name }) => name), ["album"]);
  assertEquals(page.context().pages().length, 1, "the browser opened none of it");
  assertEquals(await page.locator(".toast:not(.failed)").count(), 1);
  await page.getByRole("alert").filter({ hasText: "there is no file in it" }).waitFor();
  assertEquals(await Deno.readTextFile(`${alice.dir}/album/deep/59`), "note 59");
});

browserTest("browser: a file on its way is stopped, and leaves nothing", async (browser) => {
  await using world = await World.create();
  const alice = await world.peer("alice", { args: ["--ui", "0"] });
  const page = await signedIn(browser, await linkOf(world, alice));
  const big = `${await world.folder("elsewhere")}/big.iso`;
  await Deno.writeFile(big, new Uint8Array());
  await Deno.truncate(big, 8 * 2 ** 30);
  await page.locator("input[type=file]").first().setInputFiles(big);
  await page.getByText(/^\s*sending [1-9].* of 8\.0 GiB\s*$/).waitFor();
  // The page asks before it is left, since the file would be lost with it.
  const asked = page.waitForEvent("dialog");
  await page.close({ runBeforeUnload: true });
  const question = await asked;
  assertEquals(question.type(), "beforeunload");
  await question.dismiss();
  await page.getByRole("button", { name: "Stop big.iso" }).click();
  await page.locator(".uploads").waitFor({ state: "detached" });
  const { shares } = await world.json<{ shares: unknown[] }>(alice.dir, ["status"]);
  assertEquals(shares, []);
  await eventually("nothing of it is left on disk", () => largestIn(alice.dir) <= 4 << 20);
});

/** Bytes of the largest file in a folder, at any depth. */
function largestIn(folder: string): number {
  return Math.max(
    0,
    ...Array.from(Deno.readDirSync(folder), ({ name, isDirectory }) => {
      const path = `${folder}/${name}`;
      return isDirectory ? largestIn(path) : Deno.statSync(path).size;
    }),
  );
}

browserTest("browser: choose files, and share by path", async (browser) => {
  await using world = await World.create();
  const alice = await world.peer("alice", { args: ["--ui", "0", "--ui-paths", "any"] });
  const page = await signedIn(browser, await linkOf(world, alice));
  // Its path begins as that of the shared folder does.
  const folder = await world.folder("alice-elsewhere");
  await writeRandom(`${folder}/chosen.bin`, 200_000);
  await writeRandom(`${folder}/in place.bin`, 100_000);
  await page.locator("input[type=file]").first().setInputFiles(`${folder}/chosen.bin`);
  await rowOf(page, "chosen.bin").getByText("shared").waitFor();
  await page.getByRole("button", { name: "Share by path" }).click();
  await page.getByLabel(/A path on the peer/).fill(`${folder}/missing.bin`);
  await page.keyboard.press("Enter");
  // Outside of the shared folder, it asks first.
  const question = page.getByRole("dialog").getByText("It is outside of the shared folder.");
  await question.waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Share" }).click();
  await page.locator(".toast.failed").getByText("missing.bin").waitFor();
  await page.getByLabel(/A path on the peer/).fill(`${folder}/in place.bin`);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByRole("button", { name: "Share" }).click();
  await rowOf(page, "in place.bin").getByText("shared").waitFor();
  const { shares } = await world.json<{ shares: { path: string }[] }>(alice.dir, ["status"]);
  assertEquals(
    new Set(shares.map(({ path }) => path)),
    new Set([`${alice.dir}/chosen.bin`, `${folder}/in place.bin`]),
  );
  // Another content under a name that is taken is refused, and the first one stays.
  await Deno.remove(`${folder}/chosen.bin`);
  await writeRandom(`${folder}/chosen.bin`, 100_000);
  await page.locator("input[type=file]").first().setInputFiles(`${folder}/chosen.bin`);
  await page.getByRole("dialog").getByRole("button", { name: "Skip" }).click();
  assertEquals((await Deno.stat(`${alice.dir}/chosen.bin`)).size, 200_000);
});
