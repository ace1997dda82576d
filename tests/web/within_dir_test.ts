import { assert, assertEquals } from "@std/assert";
import { withinDir } from "../../src/web/within_dir.ts";
import { KeyFault } from "../../src/fault.ts";
import { faultOf } from "../support/faults.ts";
import { CONFIG, ScriptedPeer, SHARED, STATUS } from "../support/scripted_peer.ts";
import { TempFolder } from "../support/temp_folder.ts";

Deno.test("within DIR: paths outside are refused, to read and to write, also by a link", async () => {
  await using temp = await TempFolder.create();
  const root = await Deno.realPath(temp.path);
  const dir = `${root}/dir`;
  await Deno.mkdir(`${dir}/sub`, { recursive: true });
  for (const name of ["secret", "shared", "dir/own", "dir/sub/deep"]) {
    await Deno.writeTextFile(`${root}/${name}`, name);
  }
  await Deno.symlink(root, `${dir}/link`);
  const shares = [{ ...SHARED, path: `${root}/shared` }];
  const peer = new ScriptedPeer({ status: () => Promise.resolve({ ...STATUS, dir, shares }) });
  const page = withinDir(peer);
  const outside = [
    `${root}/secret`,
    "../secret",
    "sub/../../secret",
    "link/secret",
    `${dir}/link/secret`,
    "/etc/passwd",
    `${root}/not there`,
    `${dir}2/x`,
    root,
  ];
  for (const path of outside) {
    const { details } = await faultOf("usage", page.share({ file: path, cwd: root }));
    assertEquals(details, { reason: "outside", path });
    for (const how of [{ output: path }, { reuse: ["own", path] }]) {
      await faultOf("usage", page.get({ name: "x", ...how }));
      await faultOf("usage", page.plan({ name: "x", ...how }));
    }
  }
  assertEquals(peer.asked, []);
  for (const path of ["own", `${dir}/own`, "sub/deep", `${root}/shared`, "not there yet", "sub"]) {
    await page.share({ file: path, cwd: root });
    await page.get({ name: "x", output: path, reuse: [path] });
  }
  await page.get({ name: "x" });
  const asked = peer.asked.filter(([what]) => what === "share").map(([, request]) => request);
  assert(asked.every((one) => (one as { cwd: string }).cwd === dir), "names are those in DIR");
});

Deno.test("within DIR: the page can't choose another folder", async () => {
  const peer = new ScriptedPeer();
  const page = withinDir(peer);
  const fault = await faultOf("usage", page.configure({ dir: "/", limit_up: 1 }));
  assert(fault instanceof KeyFault && fault.field === "dir");
  assertEquals(peer.asked, []);
  assertEquals(await page.configure({ limit_up: 1 }), { ...CONFIG, fixed: ["dir"] });
  assertEquals((await page.config()).fixed, ["dir"]);
});
