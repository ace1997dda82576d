/** The facts of a release that other package managers want. */
export interface Published {
  version: string;
  /** The address of the folder that has a folder for each version. */
  baseUrl: string;
  /** SHA-256 of the release's files, by name. */
  sums: ReadonlyMap<string, string>;
}

const ABOUT = "Share files between machines, peer to peer, each byte verified";

/** A formula for Homebrew; undefined when the release has no archive for it. */
export function homebrewFormula({ version, baseUrl, sums }: Published): string | undefined {
  const places = { macos: "on_macos", linux: "on_linux" };
  const blocks = Object.entries(places).map(([os, block]) => {
    const archs = { arm64: "on_arm", x64: "on_intel" };
    const lines = Object.entries(archs).flatMap(([arch, block]) => {
      const name = `shoal-${os}-${arch}.tar.gz`;
      const sum = sums.get(name);
      if (sum === undefined) return [];
      return [
        `    ${block} do`,
        `      url "${baseUrl}/${version}/${name}"`,
        `      sha256 "${sum}"`,
        "    end",
      ];
    });
    return lines.length > 0 ? `  ${block} do\n${lines.join("\n")}\n  end\n` : "";
  }).join("");
  if (blocks === "") return;
  return `class Shoal < Formula
  desc "${ABOUT}"
  homepage "${baseUrl}"
  version "${version}"
  license "MIT"

${blocks}
  def install
    bin.install "shoal"
    man1.install Dir["man/*.1"]
    bash_completion.install "completions/shoal.bash" => "shoal"
    zsh_completion.install "completions/_shoal"
    fish_completion.install "completions/shoal.fish"
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/shoal --version")
  end
end
`;
}

const WINDOWS = "shoal-windows-x64.zip";

/** A manifest for Scoop; undefined when the release has nothing for Windows. */
export function scoopManifest({ version, baseUrl, sums }: Published): string | undefined {
  const hash = sums.get(WINDOWS);
  if (hash === undefined) return;
  const manifest = {
    ...{ version, description: ABOUT, homepage: baseUrl, license: "MIT" },
    architecture: { "64bit": { url: `${baseUrl}/${version}/${WINDOWS}`, hash } },
    extract_dir: "shoal-windows-x64",
    bin: "shoal.exe",
  };
  return JSON.stringify(manifest, null, 2) + "\n";
}

/** The three manifests for winget, by file name; none when the release has nothing for Windows. */
export function wingetManifests({ version, baseUrl, sums }: Published): Map<string, string> {
  const hash = sums.get(WINDOWS);
  if (hash === undefined) return new Map();
  const head = (type: string) =>
    `PackageIdentifier: Shoal.Shoal\nPackageVersion: ${version}\n` + type +
    "ManifestVersion: 1.6.0\n";
  const installer = `InstallerType: zip
NestedInstallerType: portable
NestedInstallerFiles:
  - RelativeFilePath: shoal-windows-x64\\shoal.exe
    PortableCommandAlias: shoal
Installers:
  - Architecture: x64
    InstallerUrl: ${baseUrl}/${version}/${WINDOWS}
    InstallerSha256: ${hash.toUpperCase()}
ManifestType: installer
`;
  const locale = `PackageLocale: en-US
Publisher: Shoal
PackageName: Shoal
License: MIT
ShortDescription: ${ABOUT}
ManifestType: defaultLocale
`;
  return new Map([
    ["Shoal.Shoal.yaml", head("DefaultLocale: en-US\nManifestType: version\n")],
    ["Shoal.Shoal.installer.yaml", head(installer)],
    ["Shoal.Shoal.locale.en-US.yaml", head(locale)],
  ]);
}
