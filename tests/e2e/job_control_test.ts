/** A peer as a job of an interactive shell: in the background, suspended, and brought back. */
import { assertEquals } from "@std/assert";
import { outputOf } from "../support/output_of.ts";
import { lacking, noLinux, testUnless } from "../support/tools.ts";
import { programWords } from "./program.ts";
import { World } from "./world.ts";

/** Types lines into bash on a terminal of its own, each once the text before it was shown. */
const TYPIST = `
import json, os, pty, select, sys, time
steps, env = json.loads(sys.argv[1]), dict(os.environ, PS1="$ ", TERM="xterm", NO_COLOR="1")
pid, end = pty.fork()
if pid == 0: os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], env)
seen, since = b"", 0
deadline = time.time() + 90
for awaited, typed in steps:
    while awaited.encode() not in seen[since:]:
        if time.time() > deadline: print(json.dumps([awaited, seen.decode(errors="replace")])); sys.exit(0)
        if select.select([end], [], [], 0.2)[0]:
            try: seen += os.read(end, 65536)
            except OSError: break
    since = seen.index(awaited.encode(), since) + len(awaited.encode()) if awaited.encode() in seen[since:] else since
    os.write(end, typed.encode())
print(json.dumps([None, seen.decode(errors="replace")]))
os.kill(pid, 9)
`;

async function type(steps: [awaited: string, typed: string][]): Promise<void> {
  const { stdout, stderr } = await outputOf("python3", {
    args: ["-c", TYPIST, JSON.stringify(steps)],
  });
  const text = new TextDecoder().decode(stdout);
  if (text === "") throw new Error(new TextDecoder().decode(stderr));
  const [missing, seen] = JSON.parse(text);
  assertEquals(missing, null, seen);
}

const unless = noLinux ?? lacking("python3", "bash");

testUnless(
  unless,
  "job control: a peer in the background serves, and has its shell once it is in front",
  async () => {
    await using world = await World.create();
    const dir = await world.folder("peer");
    const words = [...programWords(), "peer", "0", "--dir", dir, ...world.options()];
    const status = `${
      [...programWords(), "peer", "status", "--dir", dir].join(" ")
    } | head -c 60\n`;
    await type([
      ["$ ", `${words.join(" ")} &\n`],
      ["Peer ", status],
      ["listening on", "fg\n"],
      ["shoal> ", "list-peers\n"],
      ["AGENT", "exit\n"],
      ["$ ", "echo code-$?\n"],
      ["code-0", "exit\n"],
    ]);
  },
);

testUnless(unless, "job control: Ctrl-Z at the prompt, bg and fg", async () => {
  await using world = await World.create();
  const dir = await world.folder("peer");
  const words = [...programWords(), "peer", "0", "--dir", dir, ...world.options()];
  await type([
    ["$ ", `${words.join(" ")}\n`],
    ["shoal> ", "\x1a"],
    ["Stopped", "echo back-$((1 + 1))\n"],
    ["back-2", "fg\n"],
    ["shoal> ", "list-peers\n"],
    ["AGENT", "exit\n"],
    ["$ ", "echo code-$?\n"],
    ["code-0", "exit\n"],
  ]);
});
