/** Failures that nothing waited for, in the program's own code as a process. */
import { assert, assertEquals } from "@std/assert";
import { TempFolder } from "../support/temp_folder.ts";

const RUN = new URL("../../src/cli/run.ts", import.meta.url).href;

/** Runs a command line, and fails in the background once it has said something. */
async function strayIn(argv: string[]): Promise<{ code: number; stderr: string }> {
  const script = `
    import { run } from "${RUN}";
    const write = Deno.stdout.write.bind(Deno.stdout);
    Deno.stdout.write = (bytes) => {
      setTimeout(() => Promise.reject(new Error("nobody waits for this")));
      setTimeout(() => Deno.kill(Deno.pid, "SIGTERM"), 1_000);
      return write(bytes);
    };
    Deno.exit(await run(${JSON.stringify(argv)}));
  `;
  const args = ["eval", "--no-check", script];
  const command = new Deno.Command(Deno.execPath(), { args, env: { NO_COLOR: "1" } });
  const { code, stderr } = await command.output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

Deno.test("a failure that nothing waited for ends no bootstrap and no peer", async () => {
  await using temp = await TempFolder.create();
  const bootstrap = ["--bootstrap", "127.0.0.1:1"];
  const commands = [
    ["bootstrap", "--host", "127.0.0.1", "--port", "0"],
    ["peer", "0", "--host", "127.0.0.1", "--dir", temp.path, ...bootstrap],
  ];
  for (const argv of commands) {
    const { code, stderr } = await strayIn(argv);
    assertEquals(code, 143, "it went on until it was asked to end");
    assert(stderr.includes("nobody waits for this"), stderr);
  }
});
