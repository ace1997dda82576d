import { assertEquals, assertThrows } from "@std/assert";
import { parseRate } from "../../../src/cli/output/units.ts";
import { Fault } from "../../../src/fault.ts";
import { controlApi } from "../../../src/web/control_api.ts";
import { ScriptedPeer, SETTINGS } from "../../support/scripted_peer.ts";

const MIB = 1 << 20;

Deno.test("control: settings are shown, and changed where they are given", async () => {
  const peer = new ScriptedPeer();
  const app = controlApi(peer, { token: "t" });
  const ask = (method: string, body?: unknown) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const headers = { host: "127.0.0.1:1", authorization: "Bearer t" };
    return app.fetch(
      new Request("http://127.0.0.1:1/api/v1/settings", {
        ...{ method, body: text },
        headers: { ...headers, ...(text && { "content-length": `${text.length}` }) },
      }),
    );
  };
  assertEquals(await (await ask("GET")).json(), SETTINGS);
  const changed = await (await ask("PATCH", { limit_up: null, limit_down: 5 })).json();
  assertEquals(changed, { ...SETTINGS, limit_up: null, limit_down: 5 });
  for (const wrong of [{ limit_up: 0 }, { limit_down: "1M" }, { upload_slots: 0 }, 1]) {
    assertEquals((await ask("PATCH", wrong)).status, 400, JSON.stringify(wrong));
  }
  assertEquals(peer.asked.map(([what]) => what), ["settings", "change"]);
});

Deno.test("units: a rate is bytes per second, in powers of 1024; none and 0 are no limit", () => {
  const table: [string, number][] = [
    ...[["0", 0], ["none", 0], ["None", 0], ["512", 512]] as [string, number][],
    ...[["64K", 65_536], ["1.5M/s", 1.5 * MIB], ["1 GiB/s", 1024 * MIB]] as [string, number][],
  ];
  for (const [text, rate] of table) assertEquals(parseRate(text), rate, text);
  for (const text of ["", "fast", "-1", "1M/h", "/s"]) {
    assertThrows(() => parseRate(text), Fault, "is not a rate");
  }
});
