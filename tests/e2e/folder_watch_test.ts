import { assert, assertEquals } from "@std/assert";
import type { ListedFile, PeerStatus, ShareResult } from "../../src/peer/api/peer_api.ts";
import { assertRefused, eventually, placedIn } from "./checks.ts";
import { World } from "./world.ts";
import { assertSameTree, makeTree, text, write } from "./trees.ts";
import { noLinux, testUnless } from "../support/tools.ts";

Deno.test("--watch announces changes of folders and files by itself", async () => {
  await using world = await World.create();
  const { dir, program } = await world.peer("sharer");
  await makeTree(`${dir}/tree`);
  await write(`${dir}/single`, "one");
  const watched = await world.json<ShareResult[]>(dir, ["share", "tree", "single", "--watch"]);
  assert(watched.every((one) => one.watched));
  const getter = await world.folder("getter");
  const idOf = async (name: string) => {
    const files = await world.json<ListedFile[]>(getter, ["list-files"]);
    return files.find((one) => one.name === name)?.id;
  };
  const update = async () => {
    const { code, stderr } = await world.run(getter, ["get", "tree", "--update", "--delete"]);
    // The version that was found may have been replaced before it was fetched.
    assert(code === 0 || code === 4, stderr);
  };
  await world.json(getter, ["get", "tree"]);
  await write(`${dir}/tree/docs/hello.txt`, "changed\n");
  await Deno.mkdir(`${dir}/tree/made/later`, { recursive: true });
  await write(`${dir}/tree/made/later/file`, "later");
  await write(`${dir}/replacement`, "two");
  await Deno.rename(`${dir}/replacement`, `${dir}/single`);
  await eventually("the file has a new version", async () => {
    const id = await idOf("single");
    return id && id !== watched[1].id;
  });
  await eventually("the folder's new version is whole", async () => {
    await update();
    return placedIn(`${getter}/tree`).includes("made/later/file") &&
      await text(`${getter}/tree/docs/hello.txt`) === "changed\n";
  });
  await assertSameTree(`${getter}/tree`, `${dir}/tree`);
  // A peer that starts again goes on watching, and sees what changed while it was away.
  await program.stop();
  await write(`${dir}/tree/away`, "while it was away");
  await world.peer("sharer");
  await eventually("what changed meanwhile is announced", async () => {
    await update();
    return placedIn(`${getter}/tree`).includes("away");
  });
  const before = await idOf("single");
  await write(`${dir}/single`, "three");
  await write(`${dir}/tree/back`, "now that it is back");
  await eventually("the file has a new version again", async () => await idOf("single") !== before);
  await eventually("and so has the folder", async () => {
    await update();
    return placedIn(`${getter}/tree`).includes("back");
  });
  await assertSameTree(`${getter}/tree`, `${dir}/tree`);
  const alone = await world.run(getter, ["share", "tree", "--watch"]);
  assertRefused(alone, { code: 2, text: "no peer is running" });
});

Deno.test("--watch follows a folder that another one takes the place of", async () => {
  await using world = await World.create();
  const { dir } = await world.peer("sharer");
  const make = async (folder: string, file: string) => {
    await Deno.mkdir(`${dir}/${folder}`);
    await write(`${dir}/${folder}/${file}`, file);
  };
  await make("tree", "one");
  await world.json(dir, ["share", "tree", "--watch"]);
  const getter = await world.folder("getter");
  const holds = (...paths: string[]) => async () => {
    const { code } = await world.run(getter, ["get", "tree", "--update", "--delete"]);
    return code === 0 && placedIn(`${getter}/tree`).join() === paths.join();
  };
  await eventually("it is had", holds("one"));
  // As a script puts a new version in place.
  await make(".next", "two");
  await Deno.rename(`${dir}/tree`, `${dir}/.before`);
  await Deno.rename(`${dir}/.next`, `${dir}/tree`);
  await eventually("what was moved to its place is announced", holds("two"));
  await write(`${dir}/tree/three`, "three");
  await eventually("and watched", holds("three", "two"));
  await Deno.remove(`${dir}/tree`, { recursive: true });
  await eventually("it is withdrawn", async () => {
    return (await world.json<ListedFile[]>(getter, ["list-files"])).length === 0;
  });
  await make("tree", "four");
  await eventually("what was made anew is announced", holds("four"));
  await write(`${dir}/tree/five`, "five");
  await eventually("and watched too", holds("five", "four"));
});

testUnless(noLinux, "--watch watches the folder alone, not what links in it lead to", async () => {
  await using world = await World.create();
  const { dir, program } = await world.peer("peer");
  const outside = await world.folder("outside");
  for (let n = 0; n < 50; n++) await Deno.mkdir(`${outside}/${n}`);
  await Deno.mkdir(`${dir}/tree/sub`, { recursive: true });
  await Deno.symlink(outside, `${dir}/tree/link`);
  await Deno.symlink("sub", `${dir}/tree/inner`);
  const [shared] = await world.json<ShareResult[]>(dir, ["share", "tree", "--watch"]);
  const watches = async () => {
    let found = 0;
    for await (const { name } of Deno.readDir(`/proc/${program.pid}/fdinfo`)) {
      const info = await Deno.readTextFile(`/proc/${program.pid}/fdinfo/${name}`).catch(() => "");
      found += info.match(/^inotify /gm)?.length ?? 0;
    }
    return found;
  };
  // DIR, where another folder may take its place, the folder and the one in it.
  await eventually("all is watched", async () => await watches() === 3);
  let { id } = shared;
  // In a new folder as well, once its coming was noticed.
  for (const path of ["tree/new/deep/one", "tree/new/deep/two", "tree/sub/three"]) {
    await Deno.mkdir(`${dir}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
    await write(`${dir}/${path}`, path);
    const before = id;
    id = await eventually("it is announced", async () => {
      const [share] = (await world.json<PeerStatus>(dir, ["status"])).shares;
      return share.id !== before && share.id;
    });
  }
  assertEquals(await watches(), 5);
});
