import { assertEquals } from "@std/assert";
import axe from "axe-core";
import type { Locator, Page } from "playwright-core";
import { type Peer, World, writeRandom } from "../e2e/world.ts";

/** Opens a tab of the page, and waits for what it shows. */
export async function openTab(page: Page, name: string): Promise<void> {
  await page.getByRole("tab", { name }).click();
  await page.getByRole("tabpanel").getByRole("region", { name }).or(page.locator(".state")).first()
    .waitFor();
}

/** The row of a file in the list. */
export function rowOf(page: Page, name: string): Locator {
  return page.getByRole("row").filter({ has: page.getByText(name, { exact: true }) });
}

/** Has a peer share a new file of random bytes. */
export async function shareRandom(
  world: World,
  { dir }: Peer,
  name: string,
  size: number,
): Promise<void> {
  await writeRandom(`${dir}/${name}`, size);
  const { code, stderr } = await world.run(dir, ["share"], { words: [name] });
  assertEquals(code, 0, stderr);
}

/** Fails for what axe calls more than minor. The policy of the page keeps scripts out; CDP may. */
export async function checkAccess(page: Page, where: string): Promise<void> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    (globalThis as unknown as { axe: typeof axe }).axe.run()
  );
  const serious = violations.filter(({ impact }) => impact !== "minor");
  const found = serious.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  assertEquals(found, [], where);
}
