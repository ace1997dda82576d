import { eventually } from "../e2e/checks.ts";
import { assert, assertEquals } from "@std/assert";
import { sameFiles, World, writeRandom } from "../e2e/world.ts";
import { browserTest, linkOf, signedIn } from "./browser.ts";
import { countColors, focusedElement, sideways } from "./in_page.js";
import { checkAccess, openTab, rowOf, shareRandom } from "./on_page.ts";
import { assertSameTree } from "../e2e/trees.ts";

browserTest(
  "browser: a download's map fills; it pauses, goes on, and is cancelled",
  async (browser) => {
    await using world = await World.create();
    const alice = await world.peer("alice", { args: ["--limit-up", "2M"] });
    const bob = await world.peer("bob", { args: ["--ui", "0"] });
    await shareRandom(world, alice, "film.mkv", 24 << 20);
    const page = await signedIn(browser, await linkOf(world, bob));
    await rowOf(page, "film.mkv").getByRole("button", { name: "Get film.mkv" }).click();
    await openTab(page, "Transfers");
    const whole = (at: string) => page.locator(`.map${at}`).waitFor();
    await whole(":not([data-whole='0'])");
    await eventually("the title tells how far it is", async () => {
      return /^\d+ % ↓ \S+ \S+ · Transfers · Shoal$/.test(await page.title());
    });
    const first = Number(await page.locator(".map").getAttribute("data-whole"));
    await whole(`:not([data-whole='0']):not([data-whole='${first}'])`);
    assert(Number(await page.locator(".map").getAttribute("data-whole")) > first);
    const painted = await page.locator("canvas.chunks").evaluate(countColors);
    assert(painted >= 2, "what is here and what isn't look different");
    await page.getByRole("button", { name: "Pause film.mkv" }).click();
    await page.locator(".download").getByText("paused", { exact: true }).waitFor();
    // A page that is closed and opened again shows the same.
    await page.reload();
    await page.getByRole("button", { name: "Resume film.mkv" }).click();
    await page.getByRole("button", { name: "Pause film.mkv" }).waitFor();
    await page.getByRole("button", { name: "Cancel film.mkv" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel the download" }).click();
    await page.getByText("Nothing is being fetched").waitFor();
    const { partials } = await world.json<{ partials: unknown[] }>(bob.dir, ["status"]);
    assertEquals(partials, []);
  },
);

browserTest(
  "browser: a download goes on when the page that began it is closed",
  async (browser) => {
    await using world = await World.create();
    const alice = await world.peer("alice", { args: ["--limit-up", "4M"] });
    const bob = await world.peer("bob", { args: ["--ui", "0"] });
    await shareRandom(world, alice, "film.mkv", 12 << 20);
    const page = await signedIn(browser, await linkOf(world, bob));
    await rowOf(page, "film.mkv").getByRole("button", { name: "Get film.mkv" }).click();
    await rowOf(page, "film.mkv").getByText("fetching").waitFor();
    await page.context().close();
    const again = await signedIn(browser, await linkOf(world, bob));
    await rowOf(again, "film.mkv").getByText("shared").waitFor();
    assert(await sameFiles(`${alice.dir}/film.mkv`, `${bob.dir}/film.mkv`));
  },
);

browserTest("browser: an ambiguous name shows its candidates", async (browser) => {
  await using world = await World.create();
  const [alice, carol] = [await world.peer("alice"), await world.peer("carol")];
  const bob = await world.peer("bob", { args: ["--ui", "0"] });
  await shareRandom(world, alice, "notes.txt", 1_000);
  await shareRandom(world, carol, "notes.txt", 2_000);
  const page = await signedIn(browser, await linkOf(world, bob));
  const rows = rowOf(page, "notes.txt");
  await rows.nth(1).getByText("2 versions").waitFor();
  await rows.first().getByRole("button", { name: "Get notes.txt" }).click();
  const dialog = page.getByRole("dialog", { name: "Which notes.txt?" });
  await dialog.getByRole("button", { name: "Cancel" }).press("Enter");
  await dialog.waitFor({ state: "detached" });
  assertEquals((await page.evaluate(focusedElement)).what, "Get notes.txt", "the focus is back");
  await page.keyboard.press("Enter");
  await dialog.getByRole("listitem").filter({ hasText: "2.0 KiB" })
    .getByRole("button", { name: "Get this one" }).click();
  await page.getByText("notes.txt is here").waitFor();
  assertEquals((await Deno.stat(`${bob.dir}/notes.txt`)).size, 2_000);
});

browserTest(
  "browser: a transfer says how it is; one that was cancelled is tried again",
  async (browser) => {
    await using world = await World.create();
    const alice = await world.peer("alice", { args: ["--limit-up", "2M", "--ui", "0"] });
    const bob = await world.peer("bob", { args: ["--ui", "0"] });
    await shareRandom(world, alice, "film.mkv", 96 << 20);
    const page = await signedIn(browser, await linkOf(world, bob));
    await page.getByRole("tab", { name: "Transfers" }).click();
    await page.getByText("Nothing is being fetched").waitFor();
    await page.getByText("Nobody is fetching from this peer").waitFor();
    await page.getByRole("tab", { name: "Files" }).click();
    const size = rowOf(page, "film.mkv").locator(".cell.size");
    assertEquals([await size.textContent(), await size.getAttribute("title")], [
      "96.0 MiB",
      "100,663,296 bytes",
    ]);
    await rowOf(page, "film.mkv").getByRole("button", { name: "Get film.mkv" }).click();
    await openTab(page, "Transfers");
    const card = page.locator(".download");
    await card.getByText(/^\d.* left$/).and(card.getByTitle(/^\d+ seconds$/)).waitFor();
    await card.getByText("1 source", { exact: true }).waitFor();
    await card.locator(".facts").getByTitle(/^[\d,]+ bytes per second$/).waitFor();
    await page.getByRole("img", { name: /the rarest part has 1 source$/ }).waitFor();
    await card.getByText("Sources", { exact: true }).click();
    await card.getByRole("cell", { name: alice.address }).waitFor();
    await card.getByRole("cell", { name: "connected" }).waitFor();
    await page.getByRole("img", { name: /now [1-9].* down/ }).waitFor();
    // What is sent is seen on the other side.
    const other = await signedIn(browser, await linkOf(world, alice));
    await openTab(other, "Transfers");
    await other.getByRole("progressbar", { name: /^Progress of film\.mkv to / }).waitFor();
    await other.getByRole("img", { name: /now .* down, [1-9].* up/ }).waitFor();

    await card.getByRole("button", { name: "Cancel film.mkv" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel the download" }).click();
    const ended = page.locator(".ended");
    await ended.getByText("cancelled", { exact: true }).waitFor();
    await world.run(alice.dir, ["limit", "--up", "0"]);
    await ended.getByRole("button", { name: "Try film.mkv again" }).click();
    await page.getByText("film.mkv is here, whole and verified.").waitFor();
    await ended.getByText("done", { exact: true }).waitFor();
    assert(await sameFiles(`${alice.dir}/film.mkv`, `${bob.dir}/film.mkv`));
  },
);

browserTest(
  "browser: a folder is got by one click, and looked into; its files are saved from there",
  async (browser) => {
    await using world = await World.create();
    const alice = await world.peer("alice");
    const bob = await world.peer("bob", { args: ["--ui", "0"] });
    const tree = `${alice.dir}/photos & <b>films</b>`;
    await Deno.mkdir(`${tree}/2026/harbour #1`, { recursive: true });
    await writeRandom(`${tree}/2026/harbour #1/a %41.jpg`, 300_000);
    for (let i = 0; i < 400; i++) await Deno.writeTextFile(`${tree}/2026/${i}.txt`, `note ${i}`);
    const name = "photos & <b>films</b>";
    assertEquals((await world.run(alice.dir, ["share"], { words: [name] })).code, 0);
    const page = await signedIn(browser, await linkOf(world, bob));
    await rowOf(page, name).getByText("folder of 403").waitFor();

    await page.getByRole("link", { name }).press("Enter");
    const view = page.getByRole("region", { name: `Folder ${name}` });
    await view.getByText("401 files, ").waitFor();
    assert(await view.getByRole("row").count() < 60, "only what is in sight is rendered");
    await checkAccess(page, "a folder");
    assertEquals(await page.evaluate(sideways), 0);
    // It opens as a tree, and one row of it fetches one thing.
    await view.getByRole("button", { name: "2026/", exact: true }).click();
    await view.getByText("0.txt", { exact: true }).waitFor();
    await view.getByRole("button", { name: "harbour #1/", exact: true }).click();
    await view.getByText("1 file, ").waitFor();
    await view.getByRole("button", { name: "Get 2026/harbour #1/a %41.jpg" }).click();
    await page.getByText(`${name}/2026/harbour #1/a %41.jpg is here, whole`).waitFor();
    const part = "2026/harbour #1/a %41.jpg";
    assert(await sameFiles(`${bob.dir}/${name}/${part}`, `${tree}/${part}`));
    assertEquals([...Deno.readDirSync(`${bob.dir}/${name}/2026`)].length, 1);
    await view.getByRole("button", { name, exact: true }).click();
    await Deno.remove(`${bob.dir}/${name}`, { recursive: true });
    await view.getByRole("searchbox").fill("jpg");
    await view.getByText("1 of 401 files").waitFor();
    const saving = page.waitForEvent("download");
    await view.getByRole("button", { name: /^Save .*a %41\.jpg/ }).click();
    const saved = await saving;
    assertEquals(saved.suggestedFilename(), "a %41.jpg");
    await saved.saveAs(`${world.root}/saved`);
    assert(await sameFiles(`${world.root}/saved`, `${tree}/2026/harbour #1/a %41.jpg`));
    // It has an address of its own, that a reload and the browser's way back know.
    await page.reload();
    await view.getByText("401 files, ").waitFor();
    await page.goBack();
    await page.getByRole("searchbox", { name: "Search files" }).waitFor();

    await rowOf(page, name).getByRole("button", { name: `Get ${name}` }).click();
    await page.getByText(`${name} is here, whole and verified.`).waitFor();
    await rowOf(page, name).getByText("shared", { exact: true }).waitFor();
    await assertSameTree(`${bob.dir}/${name}`, tree);
  },
);

browserTest(
  "browser: a newer version from the same publisher is one press away",
  async (browser) => {
    await using world = await World.create();
    const alice = await world.peer("alice");
    const bob = await world.peer("bob", { args: ["--ui", "0"] });
    await shareRandom(world, alice, "notes.txt", 1_000);
    await Deno.mkdir(`${alice.dir}/album`);
    for (const one of ["a", "b"]) await Deno.writeTextFile(`${alice.dir}/album/${one}`, one);
    await world.json(alice.dir, ["share", "album"]);
    const page = await signedIn(browser, await linkOf(world, bob));
    for (const name of ["notes.txt", "album"]) {
      await rowOf(page, name).getByRole("button", { name: `Get ${name}` }).click();
      await rowOf(page, name).getByText("shared", { exact: true }).waitFor();
    }
    await Deno.remove(`${alice.dir}/notes.txt`);
    await shareRandom(world, alice, "notes.txt", 3_000);
    await Deno.remove(`${alice.dir}/album/b`);
    await Deno.writeTextFile(`${alice.dir}/album/c`, "c");
    await world.json(alice.dir, ["share", "album"]);
    await Deno.writeTextFile(`${bob.dir}/album/own`, "mine");
    await rowOf(page, "notes.txt").getByText("update available").waitFor();
    assertEquals(await page.getByText(/versions/).count(), 0);
    await rowOf(page, "notes.txt").getByRole("button", { name: "Update notes.txt" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("2.9 KiB in all").waitFor();
    await dialog.getByRole("button", { name: "Update" }).click();
    await rowOf(page, "notes.txt").getByText("update available").waitFor({ state: "detached" });
    assert(await sameFiles(`${alice.dir}/notes.txt`, `${bob.dir}/notes.txt`));
    await page.getByRole("button", { name: "Update all (1)" }).click();
    await dialog.getByText("Your own files in album stay").waitFor();
    await dialog.getByRole("button", { name: "Update" }).click();
    await rowOf(page, "album").getByText("update available").waitFor({ state: "detached" });
    const names = [...Deno.readDirSync(`${bob.dir}/album`)].map(({ name }) => name).sort();
    assertEquals(names, ["a", "b", "c", "own"]);
    // Whose versions these are is seen, and can be forgotten.
    await openTab(page, "Settings");
    const trusted = page.getByRole("region", { name: "Trusted publishers" });
    await trusted.getByRole("row").filter({ hasText: "notes.txt" }).getByText("with the first")
      .waitFor();
    await checkAccess(page, "trusted publishers");
    await page.getByRole("button", { name: "Forget the publisher of notes.txt" }).click();
    await trusted.getByText("notes.txt").waitFor({ state: "detached" });
    const left = await world.json<{ name: string }[]>(bob.dir, ["trust", "list"]);
    assertEquals(left.map(({ name }) => name), ["album"]);
  },
);
