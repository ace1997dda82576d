import type { Address } from "../../wire/connection.ts";
import {
  type BootstrapCheckOptions,
  type BootstrapReport,
  checkBootstrap,
} from "./check_bootstrap.ts";
import { checkVersions } from "./check_versions.ts";
import { type Finding, warning } from "../api/finding.ts";

/** All bootstraps of a peer, and what the others there run. Throws only the signal's reason. */
export async function examineBootstraps(
  addresses: Address[],
  options: BootstrapCheckOptions,
): Promise<Finding[]> {
  const reports = await Promise.all(addresses.map((one) => checkBootstrap(one, options)));
  return [...settle(reports), ...checkVersions(reports.flatMap(({ agents }) => agents))];
}

/** While one of several bootstraps is there, all works: that another isn't is no fault. */
function settle(reports: BootstrapReport[]): Finding[] {
  const findings = reports.flatMap((report) => report.findings);
  if (!reports.some(({ findings: [first] }) => first?.level !== "fault")) return findings;
  return findings.map((one) =>
    one.level === "fault" ? warning(one.check, one.message, one.remedy) : one
  );
}
