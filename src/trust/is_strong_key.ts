/** The field's prime (RFC 8032, section 5.1). */
const P = 2n ** 255n - 19n;
/**
 * The y coordinates of the points whose order divides 8. Under such a key, one signature fits every
 * text, so that everyone can sign with it.
 */
const SMALL_ORDER = new Set([
  0n,
  1n,
  P - 1n,
  littleEndian("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
  littleEndian("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
]);

/**
 * True when 64 hex digits can be the Ed25519 key of one peer alone: a canonical encoding, which is the
 * only one of its point, and none of small order. That it is a point at all is the verifier's to see.
 */
export function isStrongKey(key: string): boolean {
  if (!/^[0-9a-f]{64}$/.test(key)) return false;
  // The highest bit is the sign of x.
  const y = littleEndian(key) & (2n ** 255n - 1n);
  return y < P && !SMALL_ORDER.has(y);
}

/** The number that hex digits stand for, their first byte the lowest. */
function littleEndian(hex: string): bigint {
  return BigInt("0x" + hex.match(/../g)!.reverse().join(""));
}
