import { assertEquals, assertStringIncludes } from "@std/assert";
import type { ListedFile } from "../../src/peer/api/peer_api.ts";
import { contentsOf } from "../e2e/checks.ts";
import { LyingBootstrap, overheard } from "../e2e/lying_bootstrap.ts";
import { publisher } from "../e2e/publishers.ts";
import { World } from "../e2e/world.ts";
import { browserTest, linkOf, signedIn } from "./browser.ts";
import { rowOf } from "./on_page.ts";

browserTest(
  "browser: Save and Get of a ✓ that a bootstrap made up bring nothing of a stranger's",
  async (browser) => {
    await using world = await World.create();
    const alice = await publisher(world, "alice");
    const mallory = await publisher(world, "mallory");
    await alice.publish("data", "by alice");
    const evil = await mallory.publish("data", "by mallory");
    const rows = await world.json<ListedFile[]>(mallory.dir, ["list-files", "data"]);
    const both = await overheard(world.bootstrap, "data");
    // Its rows are not signed: it says of each content that the other one published it.
    const swapped = rows.map((row) => ({
      ...row,
      publisher: row.id === evil ? alice.key : mallory.key,
    }));
    await using liar = new LyingBootstrap({
      find: ({ file, name }) =>
        both.filter(({ announcement: a }) => a.id === file || a.name === name),
      files: () => swapped,
    });
    const peer = await world.peer("getter", { bootstrap: liar.address, args: ["--ui", "0"] });
    await world.json(peer.dir, ["trust", "accept", "data", "--publisher", alice.key]);
    const page = await signedIn(browser, await linkOf(world, peer));
    const trusted = rowOf(page, "data").filter({ has: page.locator(".trust.trusted") });

    // One of several is chosen: its id goes with its publisher.
    await trusted.getByRole("button", { name: "Get data" }).click();
    const dialog = page.getByRole("dialog", { name: "Which data?" });
    const one = dialog.getByRole("listitem").filter({ hasText: alice.key.slice(0, 12) });
    const [asked] = await Promise.all([
      page.waitForRequest((request) => new URL(request.url()).pathname === "/api/v1/jobs"),
      one.getByRole("button", { name: "Get this one" }).click(),
    ]);
    const { id, publisher: key } = asked.postDataJSON().get;
    assertEquals([id, key], [evil, alice.key]);
    await page.getByRole("alert").waitFor();
    assertEquals(contentsOf(peer.dir), []);

    liar.lies.files = () => swapped.filter(({ id }) => id === evil);
    await page.reload();
    const [answer] = await Promise.all([
      page.waitForResponse((response) => new URL(response.url()).pathname === "/files/data"),
      trusted.getByRole("button", { name: "Save data with the browser" }).click(),
    ]);
    assertStringIncludes(answer.url(), `?id=${evil}&publisher=${alice.key}`);
    assertEquals(answer.status(), 404);
    await page.getByRole("alert").waitFor();
    // By the name alone, it is the remembered publisher's.
    await trusted.getByRole("button", { name: "Get data" }).click();
    await page.getByText("data is here").waitFor();
    assertEquals(await Deno.readTextFile(`${peer.dir}/data`), "by alice");
  },
);
