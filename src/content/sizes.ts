/** Bytes in every chunk but the last of a file, which may be shorter. */
export const CHUNK_SIZE = 65_536;
/** Bytes in a SHA-256 digest. */
export const DIGEST_SIZE = 32;
/** Digests in a full block of the hash tree: one chunk's worth. */
export const BLOCK_DIGESTS = CHUNK_SIZE / DIGEST_SIZE;
