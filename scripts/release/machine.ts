/** The machines that an executable's header names. */
export type Machine = "linux-x64" | "linux-arm64" | "macos-x64" | "macos-arm64" | "windows-x64";

/** The machine that an executable is for, by its first kilobytes; undefined for another one. */
export function machineOf(bytes: Uint8Array): Machine | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (view.getUint32(0)) {
    case 0x7f454c46:
      return ({ 0x3e: "linux-x64", 0xb7: "linux-arm64" } as const)[view.getUint16(18, true)];
    case 0xcffaedfe:
      return ({ 0x1000007: "macos-x64", 0x100000c: "macos-arm64" } as const)[
        view.getUint32(4, true)
      ];
  }
  if (view.getUint16(0) !== 0x4d5a) return;
  const header = view.getUint32(0x3c, true);
  return view.getUint16(header + 4, true) === 0x8664 ? "windows-x64" : undefined;
}
