/**
 * A real browser for tests of the page: Chromium without a screen, driven by playwright-core. Each
 * `Browser` has a profile of its own, which is gone when it is.
 */
import { tmpdir } from "node:os";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { Peer, World } from "../e2e/world.ts";
import { note } from "../support/run_folder.ts";
import { findTool, skippedIf } from "../support/tools.ts";

const CHROMIUM = ["chromium", "chromium-browser", "google-chrome"];
/** As root, and with nothing that talks to anybody but the page. */
const ARGUMENTS = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];
/** Machines are slow and shared, in milliseconds. */
export const PATIENCE_MS = 60_000;

/** The path of Chromium; undefined when it isn't installed. */
function chromiumPath(): string | undefined {
  return CHROMIUM.map(findTool).find((path) => path !== undefined);
}

/** `more` are arguments besides the usual ones. */
export async function launchBrowser(more: string[] = []): Promise<Browser> {
  const executablePath = chromiumPath();
  if (!executablePath) throw new Error(`there is no ${CHROMIUM[0]}`);
  const before = profiles();
  const browser = await chromium.launch({
    executablePath,
    args: [...ARGUMENTS, ...more],
    timeout: PATIENCE_MS,
  });
  const own = profiles().filter((path) => !before.includes(path));
  const forget = own.map((path) => note({ kind: "folder", path }));
  browser.on("disconnected", () => forget.forEach((forgetOne) => forgetOne()));
  return browser;
}

/** The profiles of browsers under test, which the driver leaves behind when it is killed. */
function profiles(): string[] {
  const folder = tmpdir();
  return Array.from(Deno.readDirSync(folder), ({ name }) => `${folder}/${name}`)
    .filter((path) => path.includes("/playwright_"));
}

/** A test in a browser; skipped, and said so, where there is no Chromium. */
export function browserTest(name: string, test: (browser: Browser) => Promise<void>): void {
  Deno.test({
    ...skippedIf(chromiumPath() ? undefined : "chromium is not installed", name),
    // The driver's pipes to the browser end a little after it does.
    ...{ sanitizeOps: false, sanitizeResources: false },
    async fn() {
      const browser = await launchBrowser();
      try {
        await test(browser);
      } finally {
        await browser.close();
      }
    },
  });
}

/** A sign-in link of a running peer. */
export async function linkOf(world: World, peer: Peer): Promise<string> {
  const { link } = await world.json<{ link: string }>(peer.dir, ["ui", "--no-open"]);
  return link;
}

/** A page that is signed in, in a browser session of its own. */
export async function signedIn(
  browser: Browser,
  link: string,
  options: BrowserContextOptions = {},
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1200, height: 760 }, ...options });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  await page.goto(link);
  await page.waitForURL((url) => url.pathname === "/");
  await page.getByRole("tab", { name: "Files" }).waitFor();
  return page;
}
