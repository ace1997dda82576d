/** Hand-overs between homes behind routers: the code is enough, whatever path leads to the sender. */
import { assert, assertEquals } from "@std/assert";
import { Program, programWords, shoal, sourceWords } from "../e2e/program.ts";
import { sameFiles, writeRandom } from "../e2e/world.ts";
import { TempFolder } from "../support/temp_folder.ts";
import { testUnless } from "../support/tools.ts";
import { type Nat, NatNetwork, natWords, noNat } from "../support/wan/nat_network.ts";

/** The routers of the sender and the receiver, and the path between them. */
const ROWS: [
  sender: Nat,
  receiver: Nat,
  path: string,
  options?: { fromSource?: boolean; relay?: string },
][] = [
  ["symmetric", "none", "reversed"],
  ["port", "port", "punched", { fromSource: true }],
  ["symmetric", "symmetric", "relayed", { relay: "50M" }],
];

for (const [sender, receiver, path, options] of ROWS) {
  const name = `A hand-over from behind ${natWords(sender)} to behind ${
    natWords(receiver)
  }: ${path}`;
  testUnless(noNat, name, async () => {
    await using stack = new AsyncDisposableStack();
    const program = options?.fromSource ? sourceWords() : programWords();
    const folder = stack.use(await TempFolder.create());
    const network = stack.use(await NatNetwork.open({ roundTripMs: 40 }, [sender, receiver]));
    const { meeting: { address, prefix }, homes: [from, to] } = network;
    const relay = options?.relay ? ["--relay", options.relay] : [];
    const listen = ["bootstrap", "--host", address, ...relay];
    const bootstrap = stack.use(new Program(listen, { prefix, program }));
    await bootstrap.sees(/listening/);
    const at = ["peer", "--bootstrap", address];
    await writeRandom(folder.at("file.bin"), 1_000_000);
    await Deno.mkdir(folder.at("to"));
    const words = [...at, "send", folder.at("file.bin"), "--json"];
    const sending = stack.use(new Program(words, { prefix: from!.prefix, program }));
    const [, code = ""] = await sending.sees(/"code":"([^"]+)"/);
    const began = performance.now();
    const { code: exit, stdout, stderr } = await shoal([...at, "receive", "--yes", "--json"], {
      cwd: folder.at("to"),
      env: { SHOAL_CODE: code },
      prefix: to!.prefix,
      program,
    });
    const seconds = (performance.now() - began) / 1_000;
    assertEquals(exit, 0, `${stderr}${sending.stderr}`);
    assert(await sameFiles(folder.at("file.bin"), folder.at("to/file.bin")));
    const { sources } = JSON.parse(stdout);
    assertEquals(sources.map((one: { path: string }) => one.path), [path]);
    assertEquals(await sending.ended(), 0, sending.stderr);
    assert(seconds < 60, `it took ${seconds} s`);
  });
}
