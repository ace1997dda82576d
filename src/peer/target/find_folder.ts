import { Fault } from "../../fault.ts";
import { type FindOptions, findTarget } from "./find_target.ts";
import { type Target, type Wanted } from "./target.ts";

/**
 * The folder that what is wanted lies in: the one with the longest name that is announced. Undefined when there
 * is none. Throws as findTarget does.
 */
export async function findFolderOf(
  { name, publisher }: Wanted,
  options: FindOptions,
): Promise<Target | undefined> {
  for (let at = name.lastIndexOf("/"); at > 0; at = name.lastIndexOf("/", at - 1)) {
    const prefix = name.slice(0, at);
    const offers = await options.swarm.find({ name: prefix }, options.signal);
    if (!offers.some(({ announcement }) => announcement.kind === "folder")) continue;
    const target = await findTarget({ name: prefix, publisher }, options);
    if (isFolder(target)) return target;
  }
}

/** True for a folder, whose content is its manifest. */
export function isFolder({ announcement }: Target): boolean {
  return announcement?.kind === "folder";
}

/** Which part of a folder a name means: "" is all of it. */
export function partNamed({ announcement }: Target, name: string): string {
  const prefix = `${announcement?.name}/`;
  return name.startsWith(prefix) ? name.slice(prefix.length) : "";
}

/** The fault for something that is in nobody's folder. */
export function notInFolder(name: string, { announcement }: Target): Fault {
  return new Fault(
    "not_found",
    `Cannot get ${name}: the folder ${announcement?.name} has no such file`,
  );
}
