import { assert } from "@std/assert";
import { eventually } from "../e2e/checks.ts";
import { isAlive } from "./is_alive.ts";
import { noPosix, skippedIf } from "./tools.ts";
import { TempFolder } from "./temp_folder.ts";
import { note } from "./run_folder.ts";

/** A test that starts a process, tells of it, and hangs. */
const HANGING = `
  import { note } from "${import.meta.resolve("./run_folder.ts")}";
  import { TempFolder } from "${import.meta.resolve("./temp_folder.ts")}";
  Deno.test("hangs", async () => {
    const folder = await TempFolder.create();
    await folder.write("file", "content");
    const child = new Deno.Command(Deno.execPath(), {
      args: ["eval", "setInterval(() => {}, 1000)"],
      stdout: "null",
    }).spawn();
    note({ kind: "process", pid: child.pid });
    Deno.writeTextFileSync(Deno.env.get("TELL")!, JSON.stringify([folder.path, child.pid]));
    await child.status;
  });
`;

for (const signal of ["SIGINT", "SIGTERM", "SIGKILL"] as const) {
  Deno.test({
    ...skippedIf(noPosix, `a test run that ${signal} ends leaves no process and no folder`),
    async fn() {
      await using folder = await TempFolder.create();
      const tell = folder.at("tell");
      const config = new URL("../../deno.json", import.meta.url).pathname;
      await using run = new Deno.Command(Deno.execPath(), {
        args: [
          ...["test", "-A", "--no-check", "--no-lock", "--config", config],
          await folder.write("hanging_test.ts", HANGING),
        ],
        env: { TELL: tell },
        stdout: "null",
        stderr: "null",
      }).spawn();
      const forget = note({ kind: "process", pid: run.pid });
      const [path, pid] = await eventually("the test runs", async () => {
        const text = await Deno.readTextFile(tell).catch(() => "");
        return text !== "" && JSON.parse(text) as [string, number];
      });
      assert(isThere(path) && isAlive(pid));
      run.kill(signal);
      await run.status;
      forget();
      const parent = path.replace(/\/[^/]+$/, "");
      await eventually("nothing is left", () => !isThere(parent) && !isAlive(pid));
    },
  });
}

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
