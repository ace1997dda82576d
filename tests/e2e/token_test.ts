/** Tokens of scripts on the real program: made by the command line, used over HTTP. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { NewToken, TokenEntry } from "../../src/peer/api/peer_api.ts";
import { World } from "./world.ts";

Deno.test("token: a script looks, fetches or shares with it, until it is revoked", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  await Deno.writeTextFile(`${source.dir}/a.txt`, "hello");
  await world.run(source.dir, ["share", "a.txt"]);
  const dir = await world.folder("peer");
  const made = await world.run(dir, ["token", "new", "ci"]);
  assertMatch(made.stdout, /^shoal_[0-9a-f]{64}\n$/);
  const read = made.stdout.trim();

  const peer = await world.peer("peer", { args: ["--ui", "0"] });
  const [, page] = await peer.program.sees(/Page: (http:\/\/[0-9.:]+)\//);
  const ask = async (token: string, path: string, init: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${token}` };
    const response = await fetch(page + path, { ...init, headers });
    return [response.status, await response.text()] as const;
  };
  const json = (...words: string[]) => world.json<NewToken>(dir, ["token", "new", ...words]);
  const { token: get } = await json("fetcher", "--rights", "get");
  const { token: share } = await json("backup", "--rights", "share,read");

  const [status, body] = await ask(read, "/api/v1/status");
  assertEquals([status, JSON.parse(body).dir], [200, dir]);
  assertEquals((await ask(read, "/files/a.txt"))[0], 403);
  assertEquals(await ask(get, "/files/a.txt"), [200, "hello"]);
  assertEquals((await ask(get, "/api/v1/status"))[0], 403);
  const put = { method: "PUT", body: "new" };
  assertEquals((await ask(get, "/api/v1/uploads?name=up.txt", put))[0], 403);
  assert(!(await Deno.stat(`${dir}/up.txt`).catch(() => undefined)), "nothing was written");
  assertEquals((await ask(share, "/api/v1/uploads?name=up.txt", put))[0], 200);
  assertEquals(await Deno.readTextFile(`${dir}/up.txt`), "new");
  // Not even with all rights: they would be a way to more of them.
  for (const path of ["/api/v1/tokens", "/api/v1/config", "/api/v1/doctor"]) {
    assertEquals((await ask(share, path))[0], 403, path);
  }

  const entries = await world.json<TokenEntry[]>(dir, ["token", "list"]);
  assertEquals(entries.map(({ label, rights }) => [label, rights.join()]), [
    ["backup", "share,read"],
    ["ci", "read"],
    ["fetcher", "get"],
  ]);
  assertEquals((await world.run(dir, ["token", "revoke", "ci"])).stdout, "ci  revoked\n");
  assertEquals((await ask(read, "/api/v1/status"))[0], 401);
});

Deno.test("token: what is no label or right is refused, and makes none", async () => {
  await using world = await World.create();
  const dir = await world.folder("peer");
  const cases: [words: string[], code: number, message: RegExp][] = [
    [["new"], 2, /LABEL/],
    [["new", "a b"], 2, /"a b": a label has/],
    [["new", "ci", "--rights", "all"], 2, /"all" is no right: it must be read, get/],
    [["new", "ci", "--rights", ""], 2, /"" is no right/],
    [["revoke", "ci"], 3, /"ci": there is none\n.*token list/],
    [["revoke"], 2, /LABEL/],
    [["list", "extra"], 2, /extra/],
  ];
  for (const [words, code, message] of cases) {
    const result = await world.run(dir, ["token", ...words]);
    assertEquals([result.code, result.stdout], [code, ""], words.join(" "));
    assertMatch(result.stderr, message);
  }
  assertEquals((await world.run(dir, ["token", "new", "ci"])).code, 0);
  const again = await world.run(dir, ["token", "new", "ci"]);
  assertEquals(again.code, 2);
  assertMatch(again.stderr, /there is one with that label\n.*token revoke ci/);
});
