/** The section of a changelog about a version. Throws an Error when there is none. */
export function notesOf(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m);
  const found = sections.find((one) => one.startsWith(version));
  if (!found) throw new Error(`CHANGELOG.md says nothing about ${version}`);
  return found.slice(found.indexOf("\n")).trim() + "\n";
}
