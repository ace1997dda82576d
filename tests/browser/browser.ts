/**
 * A real browser for tests of the page: Chromium without a screen, driven by playwright-core. Each
 * `Browser` has a profile of its own, which is gone when it is.
 */
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { Peer, World } from "../e2e/world.ts";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
/** As root, and with nothing that talks to anybody but the page. */
const ARGUMENTS = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];
/** Machines are slow and shared, in milliseconds. */
export const PATIENCE_MS = 60_000;

/** Where Chromium is; undefined when it isn't installed. */
export function chromiumPath(): string | undefined {
  return CHROMIUM.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** `more` are arguments besides the usual ones. */
export async function launchBrowser(more: string[] = []): Promise<Browser> {
  const executablePath = chromiumPath();
  if (!executablePath) throw new Error(`there is no ${CHROMIUM[0]}`);
  return await chromium.launch({
    executablePath,
    args: [...ARGUMENTS, ...more],
    timeout: PATIENCE_MS,
  });
}

/** A test in a browser; skipped, and said so, where there is no Chromium. */
export function browserTest(name: string, test: (browser: Browser) => Promise<void>): void {
  const missing = chromiumPath() === undefined;
  Deno.test({
    name: missing ? `${name} (skipped: chromium is not installed)` : name,
    ignore: missing,
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
