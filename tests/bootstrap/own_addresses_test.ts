import { assert, assertEquals } from "@std/assert";
import { OwnAddresses } from "../../src/bootstrap/own_addresses.ts";

const LOCAL = { host: "10.0.0.5", port: 8_000 };
const at = (host: string, port = 8_000) => ({ host, port });

Deno.test("own addresses: this end of the connection, in any spelling", async () => {
  const own = new OwnAddresses();
  assert(await own.has(LOCAL, LOCAL));
  assert(await own.has(at("::ffff:10.0.0.5"), LOCAL));
  assert(await own.has(at("2001:DB8::1"), at("2001:db8:0::1")));
  for (const other of [at("10.0.0.6"), at("10.0.0.5", 8_001), at("localhost"), at("127.0.0.1")]) {
    assert(!await own.has(other, LOCAL), other.host);
  }
});

Deno.test("own addresses: what is advertised, and what its name stands for now", async () => {
  let stands = ["192.0.2.1", "2001:db8::1"];
  let [now, asked] = [0, 0];
  const resolve = (host: string) => {
    asked++;
    return host === "meet.example" ? Promise.resolve(stands) : Promise.reject(new Error("none"));
  };
  const advertised = [at("meet.example", 9_000), at("gone.example")];
  const own = new OwnAddresses(advertised, { resolve, now: () => now });
  assert(await own.has(at("192.0.2.1", 9_000), LOCAL));
  assert(await own.has(at("2001:db8::1", 9_000), LOCAL));
  assert(!await own.has(at("192.0.2.1"), LOCAL), "at another port it is not advertised");
  assert(!await own.has(at("meet.example", 9_000), LOCAL), "nobody dials a name");
  stands = ["192.0.2.2"];
  assert(await own.has(at("192.0.2.1", 9_000), LOCAL));
  assertEquals(asked, 2);
  now = 60_000;
  assert(!await own.has(at("192.0.2.1", 9_000), LOCAL));
  assert(await own.has(at("192.0.2.2", 9_000), LOCAL));
});
