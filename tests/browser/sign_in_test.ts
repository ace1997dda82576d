import { assert, assertEquals, assertMatch } from "@std/assert";
import { World } from "../e2e/world.ts";
import { browserTest, launchBrowser, linkOf, signedIn } from "./browser.ts";
import { useFromOutside } from "./in_page.js";
import { shareRandom } from "./on_page.ts";

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
