import { assertLess } from "@std/assert";

/** Waits for something that other tasks bring about. */
export async function until(done: () => boolean): Promise<void> {
  for (let tries = 0; !done(); tries++) {
    assertLess(tries, 5_000, "it did not come about");
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
