import { Fault, inQuotes } from "../../fault.ts";
import { writeFault } from "../../store/disk/file_stamp.ts";
import { isMissing } from "../../system/file_failure.ts";
import { type Unit, unitText } from "./unit_file.ts";
import { makeFolders } from "../../system/make_folders.ts";
import { replaceFile } from "../../system/replace_file.ts";
import { NotRegular, readRegularText } from "../../system/open_regular.ts";

/** Most bytes of a unit. */
const UNIT_CAP = 1 << 20;

interface WriteUnitsOptions {
  /** Replace units that differ. */
  overwrite: boolean;
  /** Make the folder if it is missing. */
  create: boolean;
}

/** A unit's file, and what was there before. */
export interface WrittenUnit {
  path: string;
  before: "missing" | "same" | "other";
}

/**
 * Writes units to a folder: each in one step, and none when one that differs is there already; then
 * throws a `destination` Fault that names it. Throws a `disk` Fault where it can't write.
 */
export function writeUnits(
  folder: string,
  units: Unit[],
  { overwrite, create }: WriteUnitsOptions,
): WrittenUnit[] {
  if (create) {
    try {
      makeFolders(folder);
    } catch (cause) {
      fail(folder)(cause);
    }
  }
  const written: WrittenUnit[] = [];
  const texts = new Map<string, string>();
  for (const unit of units) {
    const path = `${folder}/${unit.name}`;
    const text = unitText(unit);
    const there = contentAt(path);
    const before = there === undefined ? "missing" : there === text ? "same" : "other";
    if (before === "other" && !overwrite) {
      const help = "look at what differs, then use --overwrite or another --name";
      throw new Fault(
        "destination",
        `Cannot write ${inQuotes(path)}: another unit is there; ${help}`,
      );
    }
    written.push({ path, before });
    if (before !== "same") texts.set(path, text);
  }
  for (const [path, text] of texts) {
    try {
      // The units of the system are for all to read, and hold no secrets.
      replaceFile(path, text, { mode: 0o644 });
    } catch (cause) {
      fail(path)(cause);
    }
  }
  return written;
}

/** The text at a path; null for what is no file, such as the link that masks a unit. */
function contentAt(path: string): string | null | undefined {
  try {
    return readRegularText(path, { cap: UNIT_CAP });
  } catch (error) {
    if (error instanceof NotRegular) return null;
    if (isMissing(error)) return undefined;
    return fail(path)(error);
  }
}

function fail(path: string): (cause: unknown) => never {
  return (cause) => {
    throw writeFault(path, cause);
  };
}
