import { assertEquals } from "@std/assert";
import { isInScope } from "../../src/wire/ip_address.ts";

/** Addresses by how far they reach, the narrowest first. */
const SCOPES = [
  ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"],
  ["169.254.169.254", "fe80::1"],
  ["10.0.0.1", "172.31.0.1", "192.168.1.1", "100.64.0.1", "fd00::1", "::ffff:10.0.0.1"],
  ["192.0.2.1", "8.8.8.8", "2001:db8::1", "2606:4700::1", "::ffff:8.8.8.8"],
];

Deno.test("scope: an address may be named by one that reaches no farther", () => {
  for (const [reach, tellers] of SCOPES.entries()) {
    for (const teller of tellers) {
      for (const [far, hosts] of SCOPES.entries()) {
        for (const host of hosts) {
          assertEquals(isInScope(host, teller), far >= reach, `${teller} names ${host}`);
        }
      }
    }
  }
});

Deno.test("scope: what is nobody's address, or everybody's, or a name, nobody may name", () => {
  const hosts = [
    "0.0.0.0",
    "::",
    "255.255.255.255",
    "224.0.0.1",
    "ff02::1",
    "localhost",
    "",
    "127.1x",
  ];
  for (const host of hosts) {
    for (const teller of ["127.0.0.1", "192.0.2.1"]) {
      assertEquals(isInScope(host, teller), false, host);
    }
  }
  assertEquals(isInScope("192.0.2.1", "not an address"), false);
});
