import { assertEquals, assertRejects } from "@std/assert";
import { WebServer } from "../../src/web/web_server.ts";

const LOOPBACK = { hostname: "127.0.0.1", port: 0 };

Deno.test("a web server stops though a caller whose body it refused stays", async () => {
  const server = WebServer.listen(LOOPBACK, () => new Response("no", { status: 413 }));
  using caller = await Deno.connect({ ...server.address, transport: "tcp" });
  await caller.write(
    new TextEncoder().encode("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\nabc"),
  );
  const line = new Uint8Array(12);
  await caller.read(line);
  assertEquals(new TextDecoder().decode(line), "HTTP/1.1 413");
  await server.stop();
  await assertRejects(() => Deno.connect({ ...server.address, transport: "tcp" }));
});

Deno.test("a web server that stops lets an answer under way go out", async () => {
  const size = 20_000_000;
  const server = WebServer.listen(LOOPBACK, () => {
    let left = size;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        const part = Math.min(left, 1 << 20);
        controller.enqueue(new Uint8Array(part));
        left -= part;
        if (left === 0) controller.close();
      },
    });
    return new Response(body);
  });
  const answer = await fetch(`http://127.0.0.1:${server.address.port}/`);
  const stopped = server.stop();
  assertEquals((await answer.arrayBuffer()).byteLength, size);
  await stopped;
});

Deno.test("a web server doesn't wait for ever for an answer that nobody reads", async () => {
  const begun = Promise.withResolvers<void>();
  const server = WebServer.listen(LOOPBACK, () => {
    begun.resolve();
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1 << 20)),
    });
    return new Response(body);
  });
  using caller = await Deno.connect({ ...server.address, transport: "tcp" });
  await caller.write(new TextEncoder().encode("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
  await begun.promise;
  await server.stop();
});
