import { assertEquals } from "@std/assert";
import { AddressBook } from "../../../src/peer/reach/address_book.ts";

Deno.test("address book: each failure costs a longer pause, and content makes up for all", () => {
  let now = 0;
  const book = new AddressBook({ random: () => 0 }, () => now);
  const pauses = Array.from({ length: 10 }, () => {
    book.failed("a:1");
    return book.pauseMs("a:1");
  });
  assertEquals(pauses, [
    ...[1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000, 15_000],
    ...[256_000, 300_000],
  ]);
  assertEquals([book.pauseMs("a:1", { anew: true }), book.pauseMs("b:1")], [0, 0]);
  now = 299_999;
  assertEquals(book.pauseMs("a:1"), 1);
  book.brought("a:1");
  assertEquals(book.pauseMs("a:1"), 0);
  book.failed("a:1");
  assertEquals(book.pauseMs("a:1"), 1_000);
});

Deno.test("address book: who asks to be left alone is, by new downloads too, but not for days", () => {
  let now = 0;
  const book = new AddressBook({ random: () => 0 }, () => now);
  book.failed("a:1", { retryAfter: 30 });
  assertEquals([book.pauseMs("a:1"), book.pauseMs("a:1", { anew: true })], [30_000, 30_000]);
  book.failed("b:1", { retryAfter: 1e9 });
  assertEquals(book.pauseMs("b:1", { anew: true }), 3_600_000);
  now = 30_000;
  assertEquals(book.pauseMs("a:1"), 0);
});
