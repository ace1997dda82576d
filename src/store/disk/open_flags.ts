import fs from "node:fs";

// Windows has neither flag, and makes links only for permitted users.
const { O_RDONLY, O_RDWR, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = fs.constants as Partial<
  typeof fs.constants
>;

/** Reads a file that must not be a link; a pipe that was put in its place doesn't block. */
export const READ: number = O_RDONLY! | O_NOFOLLOW | O_NONBLOCK;
/** The same over links. */
export const READ_OVER_LINKS: number = O_RDONLY! | O_NONBLOCK;
/** Reads and writes a file that is there, and must not be a link. */
export const READ_WRITE: number = O_RDWR! | O_NOFOLLOW;
