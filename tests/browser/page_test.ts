import { assert, assertEquals, assertMatch } from "@std/assert";
import axe from "axe-core";
import type { Locator, Page } from "playwright-core";
import { eventually } from "../e2e/checks.ts";
import { type Peer, sameFiles, World, writeRandom } from "../e2e/world.ts";
import { browserTest, launchBrowser, linkOf, signedIn } from "./browser.ts";
import {
  accentColor,
  countColors,
  focusedElement,
  setHidden,
  sideways,
  useFromOutside,
} from "./in_page.js";

const TABS = ["Files", "Transfers", "Peers", "Settings"];

async function openTab(page: Page, name: string): Promise<void> {
  await page.getByRole("tab", { name }).click();
  await page.getByRole("tabpanel").getByRole("region", { name }).or(page.locator(".state")).first()
    .waitFor();
}

/** The row of a file in the list. */
function rowOf(page: Page, name: string): Locator {
  return page.getByRole("row").filter({ has: page.getByText(name, { exact: true }) });
}

/** Drags files or folders of this machine over the page and drops them, as a person would. */
async function drop(page: Page, ...files: string[]): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await session.send("Input.dispatchDragEvent", { type, x: 400, y: 400, data });
  }
  await session.detach();
}

async function shareRandom(world: World, { dir }: Peer, name: string, size: number): Promise<void> {
  await writeRandom(`${dir}/${name}`, size);
  const { code, stderr } = await world.run(dir, ["share"], { words: [name] });
  assertEquals(code, 0, stderr);
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
  await page.getByText("60 files are shared.").waitFor();
  await rowOf(page, "album/deep/0").getByText("shared").waitFor();
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
  await page.locator("input[type=file]").setInputFiles(big);
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
  const find = new Deno.Command("find", { args: [alice.dir, "-size", "+4M"] });
  await eventually("nothing of it is left on disk", async () => {
    return (await find.output()).stdout.length === 0;
  });
});

browserTest("browser: choose files, and share by path", async (browser) => {
  await using world = await World.create();
  const alice = await world.peer("alice", { args: ["--ui", "0"] });
  const page = await signedIn(browser, await linkOf(world, alice));
  const folder = await world.folder("elsewhere");
  await writeRandom(`${folder}/chosen.bin`, 200_000);
  await writeRandom(`${folder}/in place.bin`, 100_000);
  await page.locator("input[type=file]").setInputFiles(`${folder}/chosen.bin`);
  await rowOf(page, "chosen.bin").getByText("shared").waitFor();
  await page.getByRole("button", { name: "Share by path" }).click();
  await page.getByLabel(/A path on the peer/).fill(`${folder}/missing.bin`);
  await page.keyboard.press("Enter");
  await page.locator(".toast.failed").getByText("missing.bin").waitFor();
  await page.getByLabel(/A path on the peer/).fill(`${folder}/in place.bin`);
  await page.keyboard.press("Enter");
  await rowOf(page, "in place.bin").getByText("shared").waitFor();
  const { shares } = await world.json<{ shares: { path: string }[] }>(alice.dir, ["status"]);
  assertEquals(
    new Set(shares.map(({ path }) => path)),
    new Set([`${alice.dir}/chosen.bin`, `${folder}/in place.bin`]),
  );
  // Another content under a name that is taken is refused, and the first one stays.
  await Deno.remove(`${folder}/chosen.bin`);
  await writeRandom(`${folder}/chosen.bin`, 100_000);
  await page.locator("input[type=file]").setInputFiles(`${folder}/chosen.bin`);
  await page.locator(".uploads .card.failed").waitFor();
  assertEquals((await Deno.stat(`${alice.dir}/chosen.bin`)).size, 200_000);
});

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
  await dialog.getByRole("button", { name: "Leave it" }).press("Enter");
  await dialog.waitFor({ state: "detached" });
  assertEquals((await page.evaluate(focusedElement)).what, "Get notes.txt", "the focus is back");
  await page.keyboard.press("Enter");
  await dialog.getByRole("listitem").filter({ hasText: "2.0 KiB" })
    .getByRole("button", { name: "Get this one" }).click();
  await page.getByText("notes.txt is here").waitFor();
  assertEquals((await Deno.stat(`${bob.dir}/notes.txt`)).size, 2_000);
});

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
    await page.getByLabel("Port").waitFor();
    await save.click();
    await page.getByText("Saved, and in force.").waitFor();
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

browserTest("browser: other sites and rebound names get nothing", async (browser) => {
  await using world = await World.create();
  const alice = await world.peer("alice", { args: ["--ui", "0"] });
  await shareRandom(world, alice, "secret.txt", 1_000);
  const page = await signedIn(browser, await linkOf(world, alice));
  const address = new URL("/", page.url());
  // Same browser, same cookies; another port of the same host is another origin.
  const evil = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    () =>
      new Response("<!doctype html><title>evil</title>", {
        headers: { "content-type": "text/html" },
      }),
  );
  const other = await page.context().newPage();
  await other.goto(`http://127.0.0.1:${evil.addr.port}/`);
  const tried = await other.evaluate(useFromOutside, address.href);
  assertEquals(tried, ["refused", "refused", "refused", "refused", "refused"]);
  const { shares } = await world.json<{ shares: unknown[] }>(alice.dir, ["status"]);
  assertEquals(shares.length, 1);
  await evil.shutdown();
  // A browser that was told that the name is this machine.
  const rebound = await launchBrowser(["--host-resolver-rules=MAP evil.example 127.0.0.1"]);
  try {
    const victim = await rebound.newPage();
    const answer = await victim.goto(`http://evil.example:${address.port}/`);
    assertEquals(answer?.status(), 421);
    assert(!(await victim.content()).includes("Shoal"));
  } finally {
    await rebound.close();
  }
  for (const host of ["evil.example", "127.0.0.1.evil.example"]) {
    using conn = await Deno.connect({ hostname: "127.0.0.1", port: Number(address.port) });
    const cookies = await page.context().cookies();
    const cookie = cookies.map(({ name, value }) => `${name}=${value}`).join("; ");
    const request = `GET /api/status HTTP/1.1\r\nhost: ${host}:${address.port}\r\n` +
      `cookie: ${cookie}\r\nconnection: close\r\n\r\n`;
    await conn.write(new TextEncoder().encode(request));
    const text = await new Response(conn.readable).text();
    assertMatch(text, /^HTTP\/1\.1 421 /);
    assert(!text.includes("secret.txt"));
  }
});

browserTest("browser: a password lets others in, where one was set", async (browser) => {
  await using world = await World.create();
  const file = `${world.root}/password`;
  await Deno.writeTextFile(file, "correct horse battery\n");
  const args = ["--ui", "0", "--ui-host", "0.0.0.0", "--ui-password-file", file];
  const alice = await world.peer("alice", { args });
  const { address } = await world.json<{ address: string }>(alice.dir, ["ui", "--no-open"]);
  const page = await browser.newPage();
  await page.goto(address);
  await page.getByLabel(/password/).fill("wrong password");
  await page.keyboard.press("Enter");
  await page.getByText("That is not the password.").waitFor();
  await page.getByLabel(/password/).fill("correct horse battery");
  await page.keyboard.press("Enter");
  await page.getByRole("tab", { name: "Files" }).waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in to Shoal" }).waitFor();
  const dir = await world.folder("other");
  const without = await world.run(dir, ["0", "--ui-host", "0.0.0.0"]);
  assertEquals([without.code, without.stdout], [2, ""]);
  assertMatch(without.stderr, /Cannot serve the page on 0\.0\.0\.0 without a password/);
});

browserTest(
  "browser: a link works once, here again while signed in; signing out ends every window",
  async (browser) => {
    await using world = await World.create();
    const alice = await world.peer("alice", { args: ["--ui", "0"] });
    const link = await linkOf(world, alice);
    const page = await signedIn(browser, link);
    const again = await page.context().newPage();
    await again.goto(link);
    await again.getByRole("tab", { name: "Files" }).waitFor();
    const other = await browser.newPage();
    await other.goto(link);
    await other.getByText("This link was used already").waitFor();
    await again.getByRole("button", { name: "Sign out" }).click();
    for (const one of [again, page]) {
      await one.getByRole("heading", { name: "Sign in to Shoal" }).waitFor();
    }
  },
);

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
  await tabTo(/^Get a\.bin$/);
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
          const out = await page.getByRole("button", { name: "Sign out" }).boundingBox();
          assert(out!.x + out!.width <= width, `the header fits in ${width} pixels`);
          await checkAccess(page, `${tab}, ${width} pixels, ${colorScheme}`);
        }
        await page.context().close();
      }
    }
    const page = await browser.newPage();
    await page.goto((await linkOf(world, bob)).replace(/#.*/, ""));
    await checkAccess(page, "sign-in");
  },
);

/** Fails for what axe calls more than minor. The policy of the page keeps scripts out; CDP may. */
async function checkAccess(page: Page, where: string): Promise<void> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: typeof axe }).axe.run()
  );
  const serious = violations.filter(({ impact }) => impact !== "minor");
  const found = serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  assertEquals(found, [], where);
}

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
    await view.getByRole("searchbox").fill("jpg");
    await view.getByText("1 of 401 files").waitFor();
    const saving = page.waitForEvent("download");
    await view.getByRole("link", { name: /^Save .*a %41\.jpg/ }).click();
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
    const same = new Deno.Command("diff", { args: ["-r", tree, `${bob.dir}/${name}`] });
    assertEquals((await same.output()).code, 0);
  },
);
