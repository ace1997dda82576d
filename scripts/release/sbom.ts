import * as v from "valibot";

const Lock = v.object({
  npm: v.record(
    v.string(),
    v.object({ integrity: v.string(), dependencies: v.optional(v.array(v.string()), []) }),
  ),
});

/** Packages that only tests and checks use: they are in no binary. */
const NOT_SHIPPED = [
  ...["axe-core", "fast-check", "playwright-core", "pure-rand"],
  ...["@types/node", "undici-types"],
];

/** The program's packages as CycloneDX 1.6, from the text of deno.lock. */
export function sbomOf(lock: string, version: string, seconds: number): unknown {
  const { npm } = v.parse(Lock, JSON.parse(lock));
  const shipped = Object.entries(npm).flatMap(([spec, { integrity }]) => {
    // The packages that it was resolved with follow behind an underscore.
    const at = spec.indexOf("@", 1);
    const [name, exact = ""] = [spec.slice(0, at), spec.slice(at + 1).split("_")[0]];
    return NOT_SHIPPED.includes(name) ? [] : { name, version: exact, integrity };
  });
  return {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      timestamp: new Date(seconds * 1000).toISOString(),
      component: { type: "application", name: "shoal", version },
    },
    components: shipped.map(({ name, version, integrity }) => ({
      type: "library",
      name,
      version,
      purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
      hashes: [{ alg: "SHA-512", content: hexOf(integrity) }],
    })),
  };
}

/** The SHA-512 of a lock file's integrity field. */
function hexOf(integrity: string): string {
  return Uint8Array.fromBase64(integrity.replace(/^sha512-/, "")).toHex();
}
