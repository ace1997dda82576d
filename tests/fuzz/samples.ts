/** Right messages, one of each kind, for targets to begin from. */
export const FILE = "1a2b3c4d".repeat(8);
export const PEER = "ab".repeat(32);
const TOKEN = "a0".repeat(16);
const SIGNATURE = "cd".repeat(64);

export const ANNOUNCEMENT = {
  ...{ name: "talks/2026/keynote.mp4", id: FILE, size: 123_456, mtime: 1_700_000_000_123 },
  ...{ time: 1_700_000_001_000, publisher: PEER, signature: SIGNATURE },
};
export const RECORD = { peer: PEER, address: "192.0.2.7", port: 10_000, agent: "x/1", files: 3 };

export const PEER_REQUESTS = [
  { action: "hello", id: 1, protocol: 1, agent: "x/1", peer: PEER, port: 10_000 },
  { action: "get_digests", id: 2, file: FILE, level: 0, page: 0 },
  { action: "get_chunks", id: 3, file: FILE, first: 0, count: 16 },
  { action: "get_chunks", id: 7, file: FILE, first: 4, count: 4, unless_taken: true },
  { action: "have", id: 4, file: FILE },
  { action: "sources", id: 5, file: FILE },
  { action: "received", id: 6, file: FILE },
  { action: "cancel", request: 3 },
];

export const BOOTSTRAP_REQUESTS = [
  { action: "hello", id: 1, protocol: 1, agent: "x/1" },
  {
    ...{ action: "register", id: 2, peer: PEER, port: 10_000, agent: "x/1", signature: SIGNATURE },
    ...{ nonce: PEER, dialled: { host: "192.0.2.1", port: 8_000 } },
    ...{ advertise: { host: "peer.example", port: 10_001 }, ways: ["reverse", "punch", "relay"] },
  },
  { action: "announce", id: 3, payload: 2 },
  { action: "withdraw", id: 4, payload: 2 },
  { action: "heartbeat", id: 5 },
  { action: "get_peers", id: 6, cursor: "x" },
  { action: "find", id: 7, name: "a", file: FILE, publisher: PEER },
  { action: "list_files", id: 8, pattern: "**/*.{iso,mp4}", cursor: "a" },
  { action: "goodbye", id: 9 },
  { action: "reach", id: 10, peer: PEER, token: TOKEN, ways: ["reverse", "punch"], port: 10_000 },
  { action: "meet", id: 11, token: TOKEN, way: "punch" },
  { action: "meet", id: 12, token: TOKEN, way: "relay" },
  { action: "open_room", id: 13, ticket: FILE, seconds: 60, room: 417 },
  { action: "enter_room", id: 14, room: 417, blob: "x" },
  { action: "say", id: 15, guest: 1, blob: "x" },
  { action: "dismiss", id: 16, guest: 1 },
  { action: "close_room", id: 17 },
];

export const REPLIES = [
  { action: "hello", id: 1, protocol: 1, agent: "x/1", peer: PEER },
  {
    ...{ action: "hello", id: 1, protocol: 1, agent: "x/1", nonce: "0f".repeat(32) },
    observed: "192.0.2.1:9",
  },
  { action: "digests", id: 2, payload: 64 },
  { action: "chunks", id: 3, payload: 1_048_576 },
  { action: "map", id: 4, complete: false, payload: 2 },
  { action: "has", file: FILE, runs: [[4, 2], [9, 1]] },
  { action: "sources", id: 5, payload: 2 },
  { action: "error", id: 6, code: "out_of_range", message: "the run lies outside the file" },
  { action: "registered", id: 7, address: "192.0.2.1", port: 10_000 },
  { action: "ok", id: 8 },
  { action: "peers", id: 9, payload: 2, cursor: "x" },
  { action: "found", id: 10, payload: 2 },
  { action: "files", id: 11, payload: 2, cursor: "x" },
  { action: "taken", file: FILE, runs: [[0, 2]] },
  { action: "reaching", id: 12, ways: ["relay", "carrier pigeon"] },
  { action: "wanted", token: TOKEN, ways: ["reverse"], host: "192.0.2.1", port: 10_000 },
  { action: "go", id: 13, host: "192.0.2.1", port: 10_000 },
  { action: "met", id: 14 },
  { action: "reversed", token: TOKEN },
];

export const PAYLOADS = [
  [ANNOUNCEMENT],
  [{ name: "a", id: FILE }],
  [RECORD, { address: "::1", port: 1 }],
  [{ announcement: ANNOUNCEMENT, sources: [RECORD], total: 7 }],
  [{ ...ANNOUNCEMENT, signature: undefined, sources: 2 }],
];

export const LEGACY_MESSAGES = [
  { action: "register", address: "10.1.2.3", port: 10_007 },
  { action: "get_peers" },
  { action: "file_request", filename: "a" },
  { action: "get_chunk", filename: "a", chunk_index: 0 },
  { status: "registered" },
  { peers: [{ address: "127.0.0.1", port: 10_007 }, 7, { address: "a b", port: -1 }] },
  {
    ...{ action: "file_info", filename: "a", chunk_size: 65_536, num_chunks: 1 },
    chunk_hashes: [FILE],
  },
  { action: "chunk_data", filename: "a", chunk_index: 0, data: "aGVsbG8K" },
  { action: "error", message: "File not found" },
];
