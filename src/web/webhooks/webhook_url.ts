import { Fault, quoted } from "../../fault.ts";
import { isIpAddress, isPublic } from "../../wire/ip_address.ts";
import { type LookUp, lookUp } from "../../wire/look_up.ts";

/** Names that say themselves that they are of this machine or network. */
const LOCAL = /^(?:[^.]+|.+\.(?:local|localhost|lan|home\.arpa|internal))\.?$/i;

/** Reads the address of a webhook: `https://…`, or `http://…`. Throws a `usage` Fault. */
export function parseWebhook(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !["http:", "https:"].includes(url.protocol) || url.username || url.password) {
    const form = "it must be http://… or https://…, without a user name or password";
    throw new Fault("usage", `${quoted(text)} is not a webhook: ${form}`);
  }
  url.hash = "";
  return url.href;
}

/**
 * Throws a `usage` Fault when the name of a webhook leads into a private network without saying so: who
 * owns a public name must not have this machine call its neighbours. An address that was typed as one,
 * and names such as `localhost` or `hooks.lan`, lead where their user meant.
 */
export async function requireMeant(webhook: string, resolve: LookUp = lookUp): Promise<void> {
  const { hostname } = new URL(webhook);
  const host = hostname.replace(/^\[|\]$/g, "");
  if (isIpAddress(host) || LOCAL.test(host)) return;
  for (const address of await resolve(host)) {
    if (isPublic(address)) continue;
    throw new Fault("usage", `Cannot call ${quoted(webhook)}: ${host} leads to ${address}`, {
      next: "name that address itself, if it is meant",
    });
  }
}
