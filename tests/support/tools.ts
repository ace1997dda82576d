import { findCommand } from "../../src/system/find_command.ts";

/** The name under which a test is listed, and whether it is skipped. */
interface Skippable {
  name: string;
  ignore: boolean;
}

/** A test that is skipped for a `reason`, which its name then tells; without one it runs. */
export function skippedIf(reason: string | undefined, name: string): Skippable {
  return { name: reason ? `${name} (skipped: ${reason})` : name, ignore: reason !== undefined };
}

/** Declares a test that is skipped for a `reason`, if there is one. */
export function testUnless(
  reason: string | undefined,
  name: string,
  test: () => void | Promise<void>,
): void {
  Deno.test({ ...skippedIf(reason, name), fn: test });
}

/** The path of an installed program; undefined where `$PATH` has none of that name. */
export function findTool(name: string): string | undefined {
  return findCommand(Deno.build.os === "windows" ? `${name}.exe` : name);
}

/** The reason why a test can't use these programs: the first that is not installed. */
export function lacking(...tools: string[]): string | undefined {
  const missing = tools.find((tool) => findTool(tool) === undefined);
  return missing && `${missing} is not installed`;
}

/**
 * The reason why a test can't run on this system, which has neither POSIX signals nor modes of
 * files.
 */
export const noPosix = Deno.build.os === "windows" ? "it takes a POSIX system" : undefined;

/** The reason why a test can't run on another system than Linux. */
export const noLinux = Deno.build.os === "linux" ? undefined : "it takes Linux";

/** True when this process may do everything. */
export const isRoot = Deno.build.os !== "windows" && Deno.uid() === 0;
