import { Fault, inQuotes } from "../../fault.ts";
import type { Target } from "./target.ts";

/** True for a folder, whose content is its manifest. */
export function isFolder({ announcement }: Target): boolean {
  return announcement?.kind === "folder";
}

/** The part of a folder that a name means: "" is all of it. */
export function partNamed({ announcement }: Target, name: string): string {
  const prefix = `${announcement?.name}/`;
  return name.startsWith(prefix) ? name.slice(prefix.length) : "";
}

/** The name under which a publisher is known for a target: a part goes by its folder's. */
export function trustedName(name: string, target: Target): string {
  return isFolder(target) && partNamed(target, name) !== "" ? target.announcement!.name : name;
}

/** The Fault for what is in no folder, or is refused under its very name. */
export function notInFolder(name: string, { announcement, refused }: Target): Fault {
  return refused ?? new Fault(
    "not_found",
    `Cannot get ${inQuotes(name)}: the folder ${announcement?.name} has no such file`,
  );
}
