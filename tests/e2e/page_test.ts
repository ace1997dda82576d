import { assert, assertEquals, assertMatch } from "@std/assert";
import { eventually } from "./checks.ts";
import { programWords } from "./program.ts";
import { closedPort } from "../support/sockets.ts";
import { World } from "./world.ts";
import { findTool, lacking, testUnless } from "../support/tools.ts";
import { outputOf } from "../support/output_of.ts";

interface Opened {
  address: string;
  link: string;
  opened: boolean;
}

function isThere(path: string): Promise<boolean> {
  return Deno.stat(path).then(() => true, () => false);
}

/** Signs in with a link, as the page does, and returns the headers that show the session. */
async function signIn(link: string): Promise<{ authorization: string }> {
  const [address, ticket] = link.split("#");
  const response = await fetch(address, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ticket }),
  });
  assertEquals(response.status, 200);
  return { authorization: `Bearer ${(await response.json()).session}` };
}

Deno.test("e2e: ui opens the UI of a running peer, each time with another link", async () => {
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
  const headers = await signIn(first.link);
  // All that the page loads comes out of the program, also when that is one binary.
  const page = await fetch(said, { headers });
  const html = await page.text();
  assertMatch(html, /<title>Shoal<\/title>/);
  for (const [, path] of html.matchAll(/(?:src|href)="(\/[^"]+)"/g)) {
    const response = await fetch(new URL(path, said), { headers });
    assertEquals(response.status, 200, path);
    assert((await response.arrayBuffer()).byteLength > 0, path);
  }
});

Deno.test("e2e: ui turns the UI on in a peer that was started without it", async () => {
  await using world = await World.create();
  const alice = await world.peer("alice");
  assert(!alice.program.stderr.includes("Page:"));
  const { address, link } = await world.json<Opened>(alice.dir, ["ui"]);
  const headers = await signIn(link);
  const events = await fetch(`${address}api/v1/events`, { headers });
  const reader = events.body!.getReader();
  assertMatch(new TextDecoder().decode((await reader.read()).value), /^event: heartbeat\n/);
  // An open event stream does not keep the peer from stopping.
  assertEquals(await alice.program.stop(), 143);
  await reader.cancel().catch(() => {});
});

testUnless(
  lacking("script"),
  "e2e: ui opens the browser from a terminal, and no command line has the link",
  async () => {
    await using world = await World.create();
    const alice = await world.peer("alice", { args: ["--ui", "0"] });
    const bin = await world.folder("bin");
    const seen = `${world.root}/seen`;
    // Stand-ins: they note what they were called with, and what is in the page that they were given.
    const standIn = async (name: string, end = "") => {
      const text = `#!/bin/sh\n{ echo "${name} $*"; cat "$1"; } >${seen}.part\n` +
        `mv ${seen}.part ${seen}\n${end}\n`;
      await Deno.writeTextFile(`${bin}/${name}`, text, { mode: 0o755 });
    };
    await standIn("xdg-open");
    await standIn("other-browser");
    await standIn("broken-browser", "exit 3");
    const quoted = [...programWords(), "peer", "ui", "--dir", alice.dir]
      .map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    const ui = async (more: Record<string, string>) => {
      await Deno.remove(seen).catch(() => {});
      const path = `relative:${bin}:${Deno.env.get("PATH")}`;
      const env = { NO_COLOR: "1", PATH: path, XDG_CONFIG_HOME: "/nonexistent", ...more };
      // A pseudo-terminal, so that somebody may be there.
      const { code, stdout } = await outputOf(findTool("script")!, {
        args: ["-qec", quoted, "/dev/null"],
        env: { SSH_CONNECTION: "", WAYLAND_DISPLAY: "", DISPLAY: "", BROWSER: "", ...env },
        stdin: "null",
      });
      const said = new TextDecoder().decode(stdout).replaceAll("\r", "");
      assertEquals(code, 0, said);
      const [link] = said.match(/http:\/\/127\.0\.0\.1:\d+\/sign-in#[0-9a-f]{64}/) ?? [said];
      // An opener that takes long is not waited for.
      if (said.includes("Opened")) await eventually("a call", () => isThere(seen));
      const opened = await Deno.readTextFile(seen).catch(() => "");
      return { said, link, opened };
    };

    const page = `${alice.dir}/.shoal/sign_in.html`;
    const plain = await ui({ DISPLAY: ":99" });
    assertMatch(plain.said, /Opened in the browser/);
    const [called, ...content] = plain.opened.split("\n");
    assertEquals(called, `xdg-open ${page}`);
    assert(content.join("\n").includes(plain.link), "the page leads to the link that is printed");
    assertEquals((await Deno.stat(page)).mode! & 0o777, 0o600);
    await signIn(plain.link);

    const chosen = await ui({
      DISPLAY: ":99",
      BROWSER: "not-there %s:broken-browser:other-browser",
    });
    assertEquals(chosen.opened.split("\n")[0], `other-browser ${page}`);
    const failing = await ui({ WAYLAND_DISPLAY: "w", BROWSER: "broken-browser" });
    assertEquals(failing.opened.split("\n")[0], `xdg-open ${page}`);

    for (const env of [{}, { DISPLAY: ":99", SSH_CONNECTION: "a b c d" }]) {
      const { said, link, opened } = await ui(env as Record<string, string>);
      assertEquals(opened, "", "without a screen here there is nothing to open");
      assertMatch(said, /good once, for 10 minutes/);
      await signIn(link);
    }
    // What can't be run is no opener.
    await Deno.chmod(`${bin}/xdg-open`, 0o644);
    const without = await ui({ DISPLAY: ":99", PATH: bin });
    assertEquals(without.opened, "");
    assertMatch(without.said, /good once, for 10 minutes/);
    await Deno.chmod(`${bin}/xdg-open`, 0o755);
    // Nor without a terminal, whatever there is.
    const env = { PATH: `${bin}:${Deno.env.get("PATH")}`, DISPLAY: ":99", SSH_CONNECTION: "" };
    const piped = await world.run(alice.dir, ["ui"], { env });
    assertMatch(piped.stdout, /^http:.*#[0-9a-f]{64}\n$/);
    assertMatch(piped.stderr, /good once/);
    assertEquals(await isThere(seen), false);
  },
);

Deno.test("e2e: a peer whose config file says so serves the UI", async () => {
  await using world = await World.create();
  const config = `${world.root}/config.toml`;
  const password = `${world.root}/password`;
  await Deno.writeTextFile(password, "correct horse battery\n", { mode: 0o600 });
  const port = closedPort();
  await Deno.writeTextFile(
    config,
    `ui = ${port}\nui_host = "0.0.0.0"\nui_password_file = "${password}"\ntheme = "dark"\n`,
  );
  const alice = await world.peer("alice", { args: ["--config", config] });
  const [, address] = await alice.program.sees(/Page: (http:\/\/127\.0\.0\.1:\d+\/)\n/);
  assertEquals(address, `http://127.0.0.1:${port}/`);
  const enter = async (body: unknown) => {
    const headers = { "content-type": "application/json" };
    const init = { method: "POST", headers, body: JSON.stringify(body) };
    const response = await fetch(`${address}sign-in`, init);
    return { status: response.status, ...await response.json() };
  };
  assertEquals((await enter({ password: "wrong password" })).status, 400);
  const response = await enter({ password: "correct horse battery" });
  assertEquals(response.status, 200);
  const headers = { authorization: `Bearer ${response.session}` };
  const page = await fetch(address, { headers });
  assertMatch(await page.text(), /<title>Shoal<\/title>/);
  const { values, origins } = await (await fetch(`${address}api/v1/config`, { headers }))
    .json();
  assertEquals([values.ui, values.ui_host, values.theme], [port, "0.0.0.0", "dark"]);
  assertEquals([origins.ui, origins.ui_host], ["file", "file"]);
  await alice.program.stop();

  // Switched on without a port; a flag beats the file.
  await Deno.writeTextFile(config, "ui = true\n");
  const again = await world.peer("bob", { args: ["--config", config, "--ui", "0"] });
  const [, other] = await again.program.sees(/Page: (http:\/\/127\.0\.0\.1:\d+\/)\n/);
  assert(new URL(other).port !== String(port));
  await Deno.writeTextFile(config, `ui = "maybe"\n`);
  const dir = await world.folder("carol");
  const wrong = await world.run(dir, ["0", "--config", config]);
  assertEquals(wrong.code, 2);
  assertMatch(wrong.stderr, /ui/);
});

Deno.test("e2e: ui without a running peer says what to do", async () => {
  await using world = await World.create();
  const dir = await world.folder("nobody");
  const { code, stdout, stderr } = await world.run(dir, ["ui"]);
  assertEquals([code, stdout], [4, ""]);
  assertMatch(stderr, /no peer runs for this folder; start one with 'shoal peer --ui'/);
});

Deno.test("e2e: a UI port that is taken is an error where it was asked for", async () => {
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
  assertMatch(missing.stderr, /Cannot read the page's password from ".*none": /);
  for (const [password, why] of [["", /without a password/], ["short", /8 to 1024 characters/]]) {
    const env = { SHOAL_UI_PASSWORD: String(password) };
    const { code, stderr } = await world.run(dir, words, { env });
    assertEquals(code, 2);
    assertMatch(stderr, why as RegExp);
  }
});
