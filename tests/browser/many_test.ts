/** Many files and downloads at once. */
import { assert, assertEquals } from "@std/assert";
import { eventually } from "../e2e/checks.ts";
import { World, writeRandom } from "../e2e/world.ts";
import { browserTest, linkOf, signedIn } from "./browser.ts";
import { checkAccess, openTab, rowOf } from "./on_page.ts";

browserTest(
  "browser: files are selected, got and unshared together, which can be undone",
  async (browser) => {
    await using world = await World.create();
    const alice = await world.peer("alice");
    const bob = await world.peer("bob", { args: ["--ui", "0"] });
    const names = ["a", "b", "c", "d", "e"].map((one) => `${one}.txt`);
    for (const name of names) await Deno.writeTextFile(`${alice.dir}/${name}`, name);
    await world.json(alice.dir, ["share", ...names]);
    const page = await signedIn(browser, await linkOf(world, bob));
    const select = (name: string) => page.getByRole("checkbox", { name: `Select ${name}` });
    await select("b.txt").click();
    await select("d.txt").click({ modifiers: ["Shift"] });
    const bar = page.getByRole("toolbar", { name: "Selected" });
    await bar.getByText("3 selected").waitFor();
    await checkAccess(page, "a selection");
    // With the keyboard, too.
    await select("d.txt").press("Space");
    await bar.getByText("2 selected").waitFor();
    await select("d.txt").press("Space");
    await bar.getByRole("button", { name: "Get", exact: true }).click();
    for (const name of ["b.txt", "c.txt", "d.txt"]) {
      await rowOf(page, name).getByText("shared", { exact: true }).waitFor();
    }
    const here = () => [...Deno.readDirSync(bob.dir)].map(({ name }) => name).sort();
    assertEquals(here(), [".shoal", "b.txt", "c.txt", "d.txt"]);
    assertEquals(await bar.count(), 0);
    const shared = async () => {
      const { shares } = await world.json<{ shares: { name: string }[] }>(bob.dir, ["status"]);
      return shares.map(({ name }) => name).sort();
    };
    await select("a.txt").click();
    await bar.getByRole("button", { name: "Select all" }).click();
    await bar.getByText("5 selected").waitFor();
    await bar.getByRole("button", { name: "Unshare" }).click();
    await page.getByText("3 files are not shared any more").waitFor();
    assertEquals(await shared(), []);
    assertEquals(here(), [".shoal", "b.txt", "c.txt", "d.txt"]);
    await page.getByRole("button", { name: "Undo" }).click();
    await eventually("all are shared again", async () => (await shared()).length === 3);
  },
);

browserTest(
  "browser: many downloads are a list, which pauses, resumes and cancels several",
  async (browser) => {
    await using world = await World.create();
    const alice = await world.peer("alice", { args: ["--limit-up", "100K"] });
    const bob = await world.peer("bob", { args: ["--ui", "0"] });
    const names = Array.from({ length: 100 }, (_, at) => `file ${at}`);
    for (const name of names) await writeRandom(`${alice.dir}/${name}`, 300_000);
    await world.run(alice.dir, ["share", ...names]);
    const page = await signedIn(browser, await linkOf(world, bob));
    await rowOf(page, "file 0").waitFor();
    await page.getByRole("checkbox", { name: "Select file 0", exact: true }).click();
    await page.getByRole("button", { name: "Select all" }).click();
    await page.getByRole("button", { name: "Get", exact: true }).click();
    await openTab(page, "Transfers");
    await page.locator(".count").getByText(/^\d\d+ downloads$/).waitFor();
    await page.getByRole("searchbox").fill("file 9");
    await page.getByText("in the queue").first().waitFor();
    await page.getByRole("searchbox").fill("");
    assert(await page.locator(".row.transfer").count() < 40, "only what is in sight is rendered");
    await checkAccess(page, "a list of downloads");
    await page.getByRole("searchbox").fill("file 1");
    const first = page.getByRole("row").filter({
      has: page.getByRole("button", { name: /^Pause/ }),
    });
    await first.first().getByRole("checkbox").click();
    const bar = page.getByRole("toolbar", { name: "Selected" });
    await bar.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("button", { name: /^Resume file 1/ }).first().waitFor();
    await bar.getByRole("button", { name: "Resume" }).click();
    await page.getByRole("button", { name: /^Resume file 1/ }).first().waitFor({
      state: "detached",
    });
    await page.getByRole("searchbox").fill("");
    await bar.getByRole("button", { name: "Select all" }).click();
    await bar.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Cancel the downloads" }).click();
    await page.getByText("Nothing is being fetched").waitFor();
    assertEquals(await page.locator(".toast.failed").count(), 0);
    const { partials } = await world.json<{ partials: unknown[] }>(bob.dir, ["status"]);
    assertEquals(partials, []);
  },
);
