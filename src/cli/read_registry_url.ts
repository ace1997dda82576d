import {
  hasPassword,
  parseRegistryUrl,
  type RegistryUrl,
} from "../bootstrap/shared/registry_url.ts";
import { Fault, inQuotes } from "../fault.ts";
import { reasonOf } from "../system/file_failure.ts";
import { readRegularText } from "../system/open_regular.ts";
import type { BootstrapFlags } from "./args/bootstrap_options.ts";

/** Longest file of a password or of certificates, in bytes. */
const FILE_CAP = 1 << 20;

/**
 * The registry that `--registry` names, with its password from a file or the environment. `isFlag`: it
 * was said on the command line, which all users of a machine can read, so no password may be in it.
 * Throws a `usage` Fault.
 */
export function readRegistryUrl(
  text: string,
  { registryPasswordFile, registryCa, registryInsecure: insecure }: BootstrapFlags,
  isFlag: boolean,
): RegistryUrl {
  if (isFlag && hasPassword(text)) {
    throw new Fault(
      "usage",
      "Cannot use --registry: others can read a password on a command line",
      {
        next:
          "put it into a file and give --registry-password-file FILE, or $SHOAL_REGISTRY_PASSWORD",
      },
    );
  }
  const password = registryPasswordFile === undefined
    ? Deno.env.get("SHOAL_REGISTRY_PASSWORD") || undefined
    : read(registryPasswordFile, "--registry-password-file").split(/\r?\n/, 1)[0];
  const ca = registryCa === undefined ? undefined : read(registryCa, "--registry-ca");
  return parseRegistryUrl(text, { password, ca, insecure });
}

function read(path: string, option: string): string {
  const cannot = `Cannot read ${option} ${inQuotes(path)}`;
  try {
    const text = readRegularText(path, { follow: true, cap: FILE_CAP });
    if (text.trim() === "") throw new Fault("usage", `${cannot}: it is empty`);
    return text;
  } catch (cause) {
    if (cause instanceof Fault) throw cause;
    throw new Fault("usage", `${cannot}: ${reasonOf(cause)}`, { cause });
  }
}
