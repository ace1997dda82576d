/** Things that an installer knows of its release. */
export interface Release {
  version: string;
  /** The address of the folder that has a folder for each version. */
  baseUrl?: string;
  /** As minisign writes it. */
  publicKey: string;
}

/** The text of packaging/install.sh for a release. Without an address it asks for one. */
export function installerOf(text: string, { version, baseUrl, publicKey }: Release): string {
  return text.replace("@VERSION@", version).replace("@PUBLIC_KEY@", publicKey)
    .replace("@BASE_URL@", (whole) => baseUrl?.replace(/\/$/, "") ?? whole);
}
