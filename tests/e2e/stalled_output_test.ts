/** A reader of standard output that takes nothing more can't hold up a signal, a deadline or a peer's end. */
import { assertEquals, assertStringIncludes } from "@std/assert";
import type { PeerStatus } from "../../src/peer/api/peer_api.ts";
import { delay } from "../../src/async/retry.ts";
import { RawEnd } from "../support/sockets.ts";
import { contentsOf, eventually } from "./checks.ts";
import { programWords } from "./program.ts";
import { World, writeRandom } from "./world.ts";
import { note } from "../support/run_folder.ts";

/** More than a pipe and this side's reader hold; less than the program holds back. */
const SIZE = 5 << 20;
/** Names that fill a pipe when they are listed, and how long they are in characters. */
const NAMES = 400;
const PART = "n".repeat(200);

Deno.test("a stream that nobody reads ends with its signal or deadline", async () => {
  await using world = await World.create();
  const source = await world.peer("source");
  await writeRandom(`${source.dir}/file`, SIZE);
  await world.json(source.dir, ["share", "file"]);
  const once = await world.folder("once");
  const running = await world.peer("running");
  for (const dir of [once, running.dir]) {
    const get = ["get", "file", "-o", "-"];
    assertEquals(await unread(world, dir, get, "SIGINT"), [130, "shoal: interrupted"]);
    assertEquals(await unread(world, dir, get, "SIGTERM"), [143, "shoal: interrupted"]);
    const late = [9, 'shoal: Cannot get "file": the deadline passed'];
    assertEquals(await unread(world, dir, [...get, "--deadline", "2s"]), late);
    assertEquals(contentsOf(dir), []);
  }
  await eventually("nothing is under way", async () => {
    const { transfers } = await world.json<PeerStatus>(running.dir, ["status"]);
    return transfers.length > 0 && transfers.every(({ state }) => state !== "active");
  });
});

Deno.test("a stream that is never asked for its bytes doesn't keep a peer from stopping", async () => {
  await using world = await World.create();
  const peer = await world.peer("peer");
  await writeRandom(`${peer.dir}/file`, SIZE);
  await world.json(peer.dir, ["share", "file"]);
  const { url, token } = JSON.parse(await Deno.readTextFile(`${peer.dir}/.shoal/control.json`));
  const response = await fetch(`${url}/api/v1/streams`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: JSON.stringify({ name: "file" }),
  });
  const transfer = async () =>
    (await world.json<PeerStatus>(peer.dir, ["status"])).transfers.find(({ direction }) =>
      direction === "down"
    );
  await eventually("all of it is held", async () => (await transfer())?.bytes === SIZE);
  await response.body!.cancel();
  await eventually("it ends with who asked", async () => (await transfer())!.state === "cancelled");
  assertEquals(await peer.program.stop(), 143);
});

Deno.test("callers that leave just as their answer ends do a peer no harm", async () => {
  await using world = await World.create();
  const peer = await world.peer("peer");
  await writeRandom(`${peer.dir}/file`, SIZE);
  await world.json(peer.dir, ["share", "file"]);
  const { url, token } = JSON.parse(await Deno.readTextFile(`${peer.dir}/.shoal/control.json`));
  const { hostname, port } = new URL(url);
  for (let deadline = 5; deadline < 45; deadline++) {
    await Promise.all(Array.from({ length: 25 }, async () => {
      const caller = await RawEnd.connect({ host: hostname, port: Number(port) });
      const body = JSON.stringify({ name: "file", deadline });
      const head = [
        "POST /api/v1/streams HTTP/1.1",
        `Host: ${hostname}:${port}`,
        `Authorization: Bearer ${token}`,
        "Content-Type: application/json",
        `Content-Length: ${body.length}`,
      ];
      const left = delay(deadline);
      await caller.send(new TextEncoder().encode(`${head.join("\r\n")}\r\n\r\n${body}`));
      await left;
      caller.close();
    }));
  }
  await eventually("nothing is under way", async () => {
    const { transfers } = await world.json<PeerStatus>(peer.dir, ["status"]);
    return transfers.every(({ state }) => state !== "active");
  });
  assertEquals(await peer.program.stop(), 143);
});

Deno.test("a list that nobody reads ends with its signal", async () => {
  await using world = await World.create();
  const peer = await world.peer("peer");
  const folder = `${PART}/${PART}/${PART}/${PART}`;
  await Deno.mkdir(`${peer.dir}/${folder}`, { recursive: true });
  const names = Array.from({ length: NAMES }, (_, number) => `${folder}/${number}`);
  for (const name of names) await writeRandom(`${peer.dir}/${name}`, 1);
  await world.json(peer.dir, ["share", ...names]);
  for (const json of [[], ["--json"]]) {
    const list = ["list-files", ...json];
    assertEquals(await unread(world, peer.dir, list, "SIGTERM"), [143, "shoal: interrupted"]);
  }
});

/**
 * Runs a verb whose standard output is read once and no more; returns its exit code and the first
 * line of its messages. A signal is sent as soon as something was read.
 */
async function unread(
  world: World,
  dir: string,
  args: string[],
  signal?: Deno.Signal,
): Promise<[number, string]> {
  const [command, ...words] = programWords();
  const child = new Deno.Command(command, {
    args: [...words, "peer", ...args, "--dir", dir, ...world.options()],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const forget = note({ kind: "process", pid: child.pid });
  const reader = child.stdout.getReader();
  await reader.read();
  if (signal) child.kill(signal);
  const messages = await new Response(child.stderr).text();
  const { code } = await child.status;
  forget();
  await reader.cancel();
  assertStringIncludes(messages, "\nnext: ");
  return [code, messages.split("\n")[0]];
}
