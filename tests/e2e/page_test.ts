import { assert, assertEquals, assertMatch } from "@std/assert";
import { World } from "./world.ts";

interface Opened {
  address: string;
  link: string;
  opened: boolean;
}

/** Signs in with a link, as the page does, and returns the session's cookie. */
async function signIn(link: string): Promise<string> {
  const [address, ticket] = link.split("#");
  const response = await fetch(address, {
    method: "POST",
    headers: { "content-type": "application/json", "x-shoal": "1" },
    body: JSON.stringify({ ticket }),
  });
  assertEquals([response.status, await response.text()], [204, ""]);
  return response.headers.get("set-cookie")!.split(";")[0];
}

Deno.test("e2e: ui opens the page of a running peer, each time with another link", async () => {
  await using world = await World.create();
  const alice = await world.peer("alice", { args: ["--ui", "0"] });
  const [, said] = await alice.program.sees(/Page: (http:\/\/127\.0\.0\.1:\d+\/)\n/);
  const first = await world.json<Opened>(alice.dir, ["ui"]);
  const second = await world.json<Opened>(alice.dir, ["ui"]);
  assertEquals([first.address, second.address, first.opened], [said, said, false]);
  assert(first.link !== second.link);
  const plain = await world.run(alice.dir, ["ui", "--no-open"]);
  assertMatch(plain.stdout, /^http:\/\/127\.0\.0\.1:\d+\/sign-in#[0-9a-f]{64}\n$/);
  assertMatch(plain.stderr, /good once, for 10 minutes/);
  const cookie = await signIn(first.link);
  // All that the page loads comes out of the program, also when that is one binary.
  const page = await fetch(said, { headers: { cookie } });
  const html = await page.text();
  assertMatch(html, /<title>Shoal<\/title>/);
  for (const [, path] of html.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
    const response = await fetch(new URL(path, said), { headers: { cookie } });
    assertEquals(response.status, 200, path);
    assert((await response.arrayBuffer()).byteLength > 0, path);
  }
});

Deno.test("e2e: ui turns the page on in a peer that was started without it", async () => {
  await using world = await World.create();
  const alice = await world.peer("alice");
  assert(!alice.program.stderr.includes("Page:"));
  const { address, link } = await world.json<Opened>(alice.dir, ["ui"]);
  const headers = { cookie: await signIn(link) };
  const events = await fetch(`${address}api/events`, { headers });
  const reader = events.body!.getReader();
  assertMatch(new TextDecoder().decode((await reader.read()).value), /^retry: \d+\n\n/);
  // An open event stream does not keep the peer from stopping.
  assertEquals(await alice.program.stop(), 143);
  await reader.cancel().catch(() => {});
});

Deno.test("e2e: ui without a running peer says what to do", async () => {
  await using world = await World.create();
  const dir = await world.folder("nobody");
  const { code, stdout, stderr } = await world.run(dir, ["ui"]);
  assertEquals([code, stdout], [4, ""]);
  assertMatch(stderr, /no peer runs for this folder; start one with 'shoal peer --ui'/);
});

Deno.test("e2e: a page's port that is taken is an error where it was asked for", async () => {
  await using world = await World.create();
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const dir = await world.folder("alice");
  const port = String(taken.addr.port);
  const { code, stderr } = await world.run(dir, ["0", "--host", "127.0.0.1", "--ui", port]);
  assertEquals(code, 4);
  assertMatch(stderr, new RegExp(`Cannot serve the page on 127\\.0\\.0\\.1:${port}: `));
});

Deno.test("e2e: others may only come with a password, which no command line has", async () => {
  await using world = await World.create();
  const dir = await world.folder("alice");
  const words = ["0", "--host", "127.0.0.1", "--ui", "0", "--ui-host", "0.0.0.0"];
  const missing = await world.run(dir, [...words, "--ui-password-file", `${world.root}/none`]);
  assertEquals(missing.code, 2);
  assertMatch(missing.stderr, /Cannot read the page's password from .*none: /);
  for (const [password, why] of [["", /without a password/], ["short", /8 to 1024 characters/]]) {
    const env = { SHOAL_UI_PASSWORD: String(password) };
    const { code, stderr } = await world.run(dir, words, { env });
    assertEquals(code, 2);
    assertMatch(stderr, why as RegExp);
  }
});
