import * as v from "valibot";

const Lock = v.object({
  specifiers: v.record(v.string(), v.string()),
  npm: v.record(
    v.string(),
    v.object({ integrity: v.string(), dependencies: v.optional(v.array(v.string()), []) }),
  ),
});

/** Packages that tests, scripts and checks alone import: neither they nor what they need is shipped. */
const NOT_SHIPPED = [
  ...["@types/node", "@valibot/to-json-schema", "ajv", "axe-core", "fast-check"],
  ...["playwright-core", "ts-json-schema-generator"],
];

/** The program's packages as CycloneDX 1.6, from the text of deno.lock. */
export function sbomOf(lock: string, version: string, seconds: number): unknown {
  const parsed = v.parse(Lock, JSON.parse(lock));
  const shipped = shippedOf(parsed).map((key) => {
    const [name, exact] = split(key);
    // The packages that it was resolved with follow behind an underscore.
    return { name, version: exact.split("_")[0], integrity: parsed.npm[key].integrity };
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

/** The keys in the lock file of what the program imports, and of all that those need. */
function shippedOf({ specifiers, npm }: v.InferOutput<typeof Lock>): string[] {
  const keys = Object.keys(npm);
  const imported = Object.entries(specifiers).map(([specifier, version]) =>
    [split(specifier.replace(/^npm:/, ""))[0], version] as const
  );
  const shipped = new Set(
    imported.filter(([name]) => !NOT_SHIPPED.includes(name)).map((pair) => pair.join("@")),
  );
  // What is added meanwhile is visited, too.
  for (const key of shipped) {
    for (const need of npm[key].dependencies) {
      // It has a version where the file has several.
      const end = need.includes("@", 1) ? "_" : "@";
      shipped.add(keys.find((one) => one === need || one.startsWith(need + end))!);
    }
  }
  return [...shipped].sort();
}

/** The name and the version in `NAME@VERSION`. */
function split(spec: string): [name: string, version: string] {
  const at = spec.indexOf("@", 1);
  return [spec.slice(0, at), spec.slice(at + 1)];
}

/** The SHA-512 of a lock file's integrity field. */
function hexOf(integrity: string): string {
  return Uint8Array.fromBase64(integrity.replace(/^sha512-/, "")).toHex();
}
