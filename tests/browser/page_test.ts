import { assert, assertEquals, assertMatch } from "@std/assert";
import { eventually } from "../e2e/checks.ts";
import { sameFiles, World } from "../e2e/world.ts";
import { browserTest, linkOf, signedIn } from "./browser.ts";
import { accentColor, focusedElement, isCut, setHidden, sideways, tinyTargets } from "./in_page.js";
import { checkAccess, openTab, rowOf, shareRandom } from "./on_page.ts";

const TABS = ["Files", "Transfers", "Peers", "Settings"];

browserTest(
  "browser: a setting is checked as typed, in force, and holds after a restart",
  async (browser) => {
    await using world = await World.create();
    const args = ["--ui", "0", "--config", `${world.root}/config.toml`];
    const alice = await world.peer("alice", { args });
    const page = await signedIn(browser, await linkOf(world, alice));
    await openTab(page, "Settings");
    const limit = page.getByLabel("Upload limit");
    const save = page.getByRole("button", { name: "Save" });
    await limit.fill("fast");
    await page.getByText("It must be bytes per second").waitFor();
    assert(await save.isDisabled());
    await limit.fill("1.5M");
    await page.getByText("1.5 MiB/s").waitFor();
    // A change of tab loses nothing.
    await openTab(page, "Peers");
    await openTab(page, "Settings");
    assertEquals(await limit.inputValue(), "1.5M");
    await page.getByLabel("Port").waitFor();
    await save.click();
    await page.getByText("Saved.").waitFor();
    const limits = await world.json<{ limit_up: number }>(alice.dir, ["limit"]);
    assertEquals(limits.limit_up, 1.5 * 1024 * 1024);
    assertMatch(await Deno.readTextFile(`${world.root}/config.toml`), /limit_up/);
    await page.getByRole("radio", { name: "Dark" }).check();
    await page.locator("html[data-theme=dark]").waitFor();
    const accent = () => page.evaluate(accentColor);
    assertEquals(await accent(), "rgb(92, 200, 207)");
    await page.getByRole("radio", { name: "Light" }).check();
    await page.locator("html[data-theme=light]").waitFor();
    assertEquals(await accent(), "rgb(11, 110, 117)");
    await page.getByRole("radio", { name: "Dark" }).check();
    await page.locator("html[data-theme=dark]").waitFor();
    await alice.program.stop();
    await page.getByText("The connection to the peer is lost").waitFor();
    const again = await world.peer("alice", { args });
    await openTab(page, "Settings");
    const fresh = await signedIn(browser, await linkOf(world, again));
    await openTab(fresh, "Settings");
    await fresh.locator("html[data-theme=dark]").waitFor();
    assertEquals(await fresh.getByLabel("Upload limit").inputValue(), "1.5M");
  },
);

browserTest(
  "browser: empty, failed and out of sight are states of their own",
  async (browser) => {
    await using world = await World.create();
    const alice = await world.peer("alice", { args: ["--ui", "0"] });
    const page = await signedIn(browser, await linkOf(world, alice));
    await page.getByRole("heading", { name: "No files yet" }).waitFor();
    // Out of sight, it hears nothing; in sight again, what it missed.
    await page.evaluate(setHidden, true);
    await shareRandom(world, alice, "notes.txt", 1_000);
    await page.getByRole("button", { name: "Shared by me" }).click();
    await page.getByRole("heading", { name: "None of these" }).waitFor();
    assertEquals(await rowOf(page, "notes.txt").count(), 0);
    await page.evaluate(setHidden, false);
    await rowOf(page, "notes.txt").getByText("shared").waitFor();
    await page.getByRole("searchbox").fill("no such file");
    await page.getByRole("heading", { name: "No file matches" }).waitFor();
    await page.getByRole("searchbox").fill("");
    await world.bootstrapProgram.stop();
    await page.getByRole("button", { name: "Refresh" }).click();
    await page.getByRole("alert").filter({ hasText: "can’t be listed" })
      .getByRole("button", { name: "Try again" }).waitFor();
    await rowOf(page, "notes.txt").getByText("shared").waitFor();
    await alice.program.stop();
    await page.getByText("The connection to the peer is lost").waitFor();
    await rowOf(page, "notes.txt").waitFor();
  },
);

browserTest("browser: a lost bootstrap is said", async (browser) => {
  await using world = await World.create();
  const alice = await world.peer("alice", { args: ["--ui", "0"] });
  const page = await signedIn(browser, await linkOf(world, alice));
  await openTab(page, "Peers");
  await page.getByText("registered").waitFor();
  await page.getByRole("cell", { name: alice.address }).waitFor();
  // As the bootstrap's call back found, of this peer as of others.
  await page.getByRole("cell", { name: "yes", exact: true }).waitFor();
  await world.bootstrapProgram.stop();
  await page.getByRole("alert").filter({
    hasText: `The bootstrap ${world.bootstrap} does not answer`,
  })
    .waitFor();
  await page.locator(".card").getByText("away").waitFor();
});

browserTest("browser: everything can be done with the keyboard", async (browser) => {
  await using world = await World.create();
  const alice = await world.peer("alice");
  const bob = await world.peer("bob", { args: ["--ui", "0"] });
  for (const name of ["a.bin", "b.bin"]) await shareRandom(world, alice, name, 50_000);
  const page = await signedIn(browser, await linkOf(world, bob));
  const { keyboard } = page;
  await rowOf(page, "b.bin").waitFor();
  const focused = () => page.evaluate(focusedElement);
  const tabTo = async (what: RegExp) => {
    for (let i = 0; i < 40; i++) {
      const now = await focused();
      if (what.test(now.what)) {
        assertEquals(now.outlineStyle, "solid", `${now.what} shows that it has the focus`);
        return;
      }
      await keyboard.press("Tab");
    }
    throw new Error(`Tab never came to ${what}`);
  };
  await keyboard.press("Tab");
  assertEquals((await focused()).what, "Skip to the content");
  // The list is one tab stop; arrows, Home and End move in it.
  await tabTo(/^Select a\.bin$/);
  await keyboard.press("Tab");
  assert(!/bin$/.test((await focused()).what), "the next stop is outside of the list");
  await keyboard.press("Shift+Tab");
  await tabTo(/^Select a\.bin$/);
  for (let i = 0; i < 6 && (await focused()).what !== "Get a.bin"; i++) {
    await keyboard.press("ArrowRight");
  }
  assertEquals((await focused()).what, "Get a.bin");
  await keyboard.press("End");
  await eventually("the last row", async () => (await focused()).what === "Get b.bin");
  await keyboard.press("Home");
  await eventually("the first row", async () => (await focused()).what === "Get a.bin");
  await keyboard.press("ArrowDown");
  await eventually(
    "the next row has the focus",
    async () => (await focused()).what === "Get b.bin",
  );
  await keyboard.press("Enter");
  await page.getByText("b.bin is here").waitFor();
  assertMatch((await focused()).what, / b\.bin$/, "the focus stays in the row");
  assert(await sameFiles(`${alice.dir}/b.bin`, `${bob.dir}/b.bin`));
  await keyboard.press("/");
  await keyboard.type("a.b");
  await page.getByText("1 of 2 files").waitFor();
  await page.getByRole("tab", { name: "Files" }).focus();
  await keyboard.press("ArrowRight");
  assertMatch((await focused()).what, /^Transfers/);
  await page.getByRole("heading", { name: "Downloads" }).waitFor();
  await keyboard.press("End");
  await page.getByLabel("Upload limit").waitFor();
  await tabTo(/^Sign out$/);
});

browserTest(
  "browser: narrow screens need no sideways scrolling, and axe finds nothing serious",
  async (browser) => {
    await using world = await World.create();
    const alice = await world.peer("alice", { args: ["--limit-up", "1M"] });
    const args = ["--ui", "0", "--config", `${world.root}/config.toml`];
    const bob = await world.peer("bob", { args });
    const long = `${"a very long name that goes on and on ".repeat(4)}.tar.gz`;
    await shareRandom(world, alice, long, 16 << 20);
    await shareRandom(world, bob, "own.bin", 10_000);
    world.start(bob.dir, ["get"], { words: [long] });
    for (const width of [360, 800, 1200]) {
      for (const colorScheme of ["light", "dark"] as const) {
        const viewport = { width, height: 740 };
        const page = await signedIn(browser, await linkOf(world, bob), { viewport, colorScheme });
        await rowOf(page, "own.bin").waitFor();
        for (const part of ["publisher", "id"]) {
          await rowOf(page, "own.bin").locator(`.cell.${part} code`).waitFor();
        }
        if (width < 1000) {
          await page.getByLabel("Sort by").selectOption("size");
          await page.locator(".row .name .text").first().and(page.getByText("own.bin")).waitFor();
        }
        for (const tab of TABS) {
          await openTab(page, tab);
          if (tab === "Settings") await page.getByLabel("Upload limit").waitFor();
          if (tab === "Peers") await page.locator("tbody tr").first().waitFor();
          assertEquals(await page.evaluate(sideways), 0, `${tab} at ${width} pixels`);
          const out = await page.getByRole("button", { name: "Sign out", exact: true })
            .boundingBox();
          assert(out!.x + out!.width <= width, `the header fits in ${width} pixels`);
          await checkAccess(page, `${tab}, ${width} pixels, ${colorScheme}`);
        }
        await page.context().close();
      }
    }
    // Phones, one on its side, 400 % zoom of 1280 × 800, and a wide screen.
    for (const [width, height] of [[320, 568], [640, 320], [320, 200], [2560, 1300]]) {
      const viewport = { width: width!, height: height! };
      const page = await signedIn(browser, await linkOf(world, bob), { viewport });
      for (const tab of TABS) {
        await openTab(page, tab);
        if (tab === "Settings") await page.getByLabel("Upload limit").waitFor();
        const where = `${tab} at ${width} × ${height}`;
        assertEquals(await page.evaluate(sideways), 0, where);
        assertEquals(await page.evaluate(tinyTargets), [], where);
        if (tab !== "Files") continue;
        await rowOf(page, "own.bin").getByRole("button", { name: "Unshare own.bin" }).click({
          trial: true,
        });
        if (width === 2560) {
          const name = page.getByText(long, { exact: true });
          assertEquals(await name.evaluate(isCut), false, "a wide screen shows a whole name");
        }
      }
      await page.context().close();
    }
    const page = await browser.newPage();
    await page.goto((await linkOf(world, bob)).replace(/#.*/, ""));
    await checkAccess(page, "sign-in");
  },
);
