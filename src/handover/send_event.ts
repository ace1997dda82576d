/** An event of a hand-over, for programs: a line of `--json`. */
export type SendEvent =
  | { event: "hashing"; name: string; bytes: number; size: number }
  | { event: "left_out"; path: string; why: string }
  | {
    event: "code";
    code: string;
    link: string;
    room: number;
    /** Milliseconds since 1970. */
    until: number;
    files: { name: string; kind: "file" | "folder"; size: number; entries?: number }[];
  }
  /** A receiver had the words, and has the key by now. */
  | { event: "met"; receivers: number }
  /** A guest had other words. */
  | { event: "wrong"; tries: number }
  /** So many receivers have verified all of it. */
  | { event: "received"; receivers: number };
