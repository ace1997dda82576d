import { assert, assertEquals, assertMatch } from "@std/assert";
import { World } from "../e2e/world.ts";
import { browserTest, launchBrowser, linkOf, signedIn } from "./browser.ts";
import { storedSecrets, useFromOutside } from "./in_page.js";
import { rowOf, shareRandom } from "./on_page.ts";
import { closedPort } from "../support/sockets.ts";
import { outputOf } from "../support/output_of.ts";

browserTest("browser: other sites and rebound names get nothing", async (browser) => {
  await using world = await World.create();
  const alice = await world.peer("alice", { args: ["--ui", "0"] });
  await shareRandom(world, alice, "secret.txt", 1_000);
  const page = await signedIn(browser, await linkOf(world, alice));
  const address = new URL("/", page.url());
  // Same browser; another port of the same host is another origin, but has the same cookies.
  const sent: string[] = [];
  const evil = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    ({ headers }) => {
      sent.push(JSON.stringify([...headers]));
      return new Response("<!doctype html><title>evil</title>", {
        headers: { "content-type": "text/html" },
      });
    },
  );
  const other = await page.context().newPage();
  await other.goto(`http://127.0.0.1:${evil.addr.port}/`);
  const tried = await other.evaluate(useFromOutside, address.href);
  assertEquals(tried, ["refused", "refused", "refused", "refused", "refused"]);
  const { shares } = await world.json<{ shares: unknown[] }>(alice.dir, ["status"]);
  assertEquals(shares.length, 1);
  await evil.shutdown();
  const [session, ...more] = await page.evaluate(storedSecrets);
  assertMatch(session, /^[0-9a-f]{64}$/);
  assertEquals([more, await page.context().cookies()], [[], []]);
  assert(
    sent.length > 0 && sent.every((one) => !one.includes(session)),
    "it was sent nowhere else",
  );
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
    const request = `GET /api/v1/status HTTP/1.1\r\nhost: ${host}:${address.port}\r\n` +
      `authorization: Bearer ${session}\r\nconnection: close\r\n\r\n`;
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
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
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
    await again.getByRole("button", { name: "Sign out", exact: true }).click();
    for (const one of [again, page]) {
      await one.getByRole("heading", { name: "Sign in to Shoal" }).waitFor();
    }
  },
);

browserTest("browser: behind a TLS proxy with a name of its own, the page works", async () => {
  await using world = await World.create();
  const [cert, key] = [`${world.root}/cert.pem`, `${world.root}/key.pem`];
  const { code } = await outputOf("openssl", {
    args: ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
      .concat(["-subj", "/CN=files.example", "-days", "2", "-out", cert, "-keyout", key]),
  });
  assertEquals(code, 0);
  const file = `${world.root}/password`;
  await Deno.writeTextFile(file, "correct horse battery\n");
  const [port, own] = [closedPort(), closedPort()];
  const args = ["--ui", `${own}`, "--ui-password-file", file];
  const origin = `https://files.example:${port}`;
  const alice = await world.peer("alice", { args: [...args, "--ui-origin", origin] });
  await shareRandom(world, alice, "notes.txt", 1_000);
  // As nginx does unless told otherwise: it says its own address as the host.
  await using _proxy = Deno.serve({
    ...{ hostname: "127.0.0.1", port, onListen() {} },
    ...{ cert: await Deno.readTextFile(cert), key: await Deno.readTextFile(key) },
    // A browser that goes takes its event stream along.
    onError: () => new Response(null, { status: 502 }),
  }, async (request) => {
    const { pathname, search } = new URL(request.url);
    const headers = new Headers(request.headers);
    headers.set("x-forwarded-for", "203.0.113.1");
    // What fetch unpacks would be passed on under the headers of what was packed.
    headers.set("accept-encoding", "identity");
    const { method, body, signal } = request;
    const init = { method, headers, body, signal, redirect: "manual" as const };
    const answer = await fetch(`http://127.0.0.1:${own}${pathname}${search}`, init);
    return new Response(answer.body, answer);
  });
  const proxied = await launchBrowser(["--host-resolver-rules=MAP files.example 127.0.0.1"]);
  try {
    const context = await proxied.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    await page.goto(`${origin}/`);
    await page.getByLabel(/password/).fill("correct horse battery");
    await page.keyboard.press("Enter");
    await rowOf(page, "notes.txt").getByText("shared").waitFor();
    await rowOf(page, "notes.txt").getByRole("button", { name: "Unshare notes.txt" }).click();
    await page.getByText("is not shared any more").waitFor();
  } finally {
    await proxied.close();
  }
});
