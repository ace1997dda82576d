import fs from "node:fs";

// Windows makes links only for permitted users.
const { O_RDWR, O_NOFOLLOW = 0 } = fs.constants as Partial<typeof fs.constants>;

/** Reads and writes a file that is there, and must not be a link. */
export const READ_WRITE: number = O_RDWR! | O_NOFOLLOW;
