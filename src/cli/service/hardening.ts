import type { UnitLine } from "./unit_file.ts";
import { systemdPath } from "./systemd_words.ts";

/** Folders that ProtectHome= hides (systemd.exec(5)). */
const HOMES = /^\/(home|root|run\/user)(\/|$)/;

interface HardeningOptions {
  /** Folders that it writes to: absolute paths. */
  writable: string[];
  /** Files that it reads, wherever they are: absolute paths. */
  readable: string[];
  /** It listens on a port below 1024, which is root's otherwise. */
  lowPort: boolean;
  /** A unit of a user's own service manager, which can't set up file systems of its own. */
  user: boolean;
}

/**
 * Settings that keep a service from all that it has no need of. MemoryDenyWriteExecute= can't be
 * among them: the JavaScript engine writes machine code and then runs it.
 */
export function hardening({ writable, readable, lowPort, user }: HardeningOptions): UnitLine[] {
  const everywhere: UnitLine[] = [
    ["NoNewPrivileges", "yes"],
    ["RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"],
    ["RestrictNamespaces", "yes"],
    ["RestrictRealtime", "yes"],
    ["RestrictSUIDSGID", "yes"],
    ["LockPersonality", "yes"],
    ["SystemCallArchitectures", "native"],
    // The engine guards its code with protection keys where the processor has them.
    ["SystemCallFilter", "@system-service @pkey"],
    ["SystemCallErrorNumber", "EPERM"],
  ];
  if (user) return everywhere;
  const hidden = [...writable, ...readable].some((path) => HOMES.test(path));
  const capabilities = lowPort ? "CAP_NET_BIND_SERVICE" : "";
  return [
    ...everywhere,
    ["CapabilityBoundingSet", capabilities],
    ["AmbientCapabilities", capabilities],
    ["ProtectSystem", "strict"],
    ["ProtectHome", hidden ? "tmpfs" : "yes"],
    ...writable.map((path): UnitLine => [
      HOMES.test(path) ? "BindPaths" : "ReadWritePaths",
      systemdPath(path),
    ]),
    ...readable.filter((path) => HOMES.test(path))
      .map((path): UnitLine => ["BindReadOnlyPaths", systemdPath(path)]),
    ["PrivateTmp", "yes"],
    ["PrivateDevices", "yes"],
    ["ProtectClock", "yes"],
    ["ProtectControlGroups", "yes"],
    ["ProtectHostname", "yes"],
    ["ProtectKernelLogs", "yes"],
    ["ProtectKernelModules", "yes"],
    ["ProtectKernelTunables", "yes"],
    ["ProtectProc", "invisible"],
    ["RemoveIPC", "yes"],
  ];
}
