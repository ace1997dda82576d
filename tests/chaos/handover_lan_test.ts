/** A hand-over in one network, without a bootstrap: the code is enough. */
import { assert, assertEquals } from "@std/assert";
import { Program, shoal } from "../e2e/program.ts";
import { sameFiles, writeRandom } from "../e2e/world.ts";
import { type LanHost, LanNetwork, noLan } from "../support/lan/lan_network.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { testUnless } from "../support/tools.ts";

/** In these tests alone, programs find each other without being told. */
const LAN = { SHOAL_NO_LAN: "" };

testUnless(noLan, "LAN: files are handed over without a bootstrap, to two at once", async () => {
  await using folder = await TempFolder.create();
  await using network = await LanNetwork.open([
    ["10.20.0.1/24"],
    ["10.20.0.2/24"],
    ["10.20.0.3/24"],
  ]);
  const [from, ...others] = network.hosts as [LanHost, ...LanHost[]];
  await writeRandom(folder.at("file.bin"), 3_000_000);
  const words = ["peer", "send", folder.at("file.bin"), "--to", "2", "--json"];
  await using sender = new Program(words, { prefix: from.prefix, env: LAN });
  const [, code = ""] = await sender.sees(/"code":"([^"]+)"/);
  await Promise.all(others.map(async ({ prefix }, index) => {
    const to = folder.at(`to${index}`);
    await Deno.mkdir(to);
    const env = { ...LAN, SHOAL_CODE: code };
    const { code: exit, stderr } = await shoal(["peer", "receive", "--yes"], {
      ...{ prefix, env },
      cwd: to,
    });
    assertEquals(exit, 0, stderr);
    assert(await sameFiles(folder.at("file.bin"), `${to}/file.bin`));
  }));
  assertEquals(await sender.ended(), 0, sender.stderr);
  const late = await shoal(["peer", "receive", "--yes"], {
    prefix: others[0]!.prefix,
    env: { ...LAN, SHOAL_CODE: code },
    cwd: folder.path,
  });
  assertEquals(late.code, 4, late.stderr);
});
