import type { Target } from "../target.ts";
import { bootstrapCallee } from "./bootstrap_callee.ts";
import { control } from "./control.ts";
import { digestBlocks } from "./digest_blocks.ts";
import { globs } from "./globs.ts";
import { hashTree } from "./hash_tree.ts";
import { lines } from "./lines.ts";
import { manifests } from "./manifests.ts";
import { messages } from "./messages.ts";
import { names } from "./names.ts";
import { partials } from "./partials.ts";
import { peerCallee } from "./peer_callee.ts";
import { peerCaller } from "./peer_caller.ts";
import { pieceMaps } from "./piece_maps.ts";
import { legacyCaller } from "./legacy_caller.ts";
import { announcements, registrations } from "./signatures.ts";
import { stateFile, stateRows } from "./state.ts";
import { terminal } from "./terminal.ts";
import { words } from "./words.ts";

export const TARGETS: Target[] = [
  ...[lines, messages, peerCallee, bootstrapCallee, peerCaller, legacyCaller],
  ...[hashTree, digestBlocks, pieceMaps, manifests, names, globs, words, terminal],
  ...[announcements, registrations, stateRows, stateFile, partials, control],
];
