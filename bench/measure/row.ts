import { median, type Outcome, type Sample } from "./interleave.ts";

/** A line of the table. Ratios are how many times faster Shoal is than what the line measures. */
export interface Row {
  figure: string;
  unit: "bytes_per_second" | "files_per_second" | "seconds" | "bytes";
  /** By the program's own account. */
  reported?: number;
  /** From process start to exit. */
  process?: number;
  ratio_reported?: number;
  ratio_process?: number;
  goal?: string;
  /** The reason why numbers are missing. */
  problem?: string;
  /** True when that is a fault. */
  broken?: boolean;
  /** The samples of the medians, in seconds whatever the unit. */
  samples?: Sample[];
}

/** Lines of rates for files of `size` bytes; those with a goal, or of other tools, have ratios. */
export function rateRows(outcomes: Outcome[], size: number): Row[] {
  return ratesOf(outcomes, size, "bytes_per_second");
}

/** As {@link rateRows}, for trees of so many files. */
export function fileRows(outcomes: Outcome[], files: number): Row[] {
  return ratesOf(outcomes, files, "files_per_second");
}

function ratesOf(outcomes: Outcome[], amount: number, unit: Row["unit"]): Row[] {
  const [shoal] = outcomes;
  const ours = medians(shoal);
  return outcomes.map((outcome) => {
    const { reported, process } = medians(outcome);
    const row = rowOf(outcome, unit);
    row.reported = divide(amount, reported);
    row.process = divide(amount, process);
    if (outcome === shoal) return row;
    row.ratio_reported = divide(reported ?? process, ours.reported);
    row.ratio_process = divide(process, ours.process);
    return row;
  });
}

/** A line of durations. */
export function durationRow(outcome: Outcome): Row {
  return { ...rowOf(outcome, "seconds"), ...medians(outcome) };
}

/** A line for a figure that could not be taken at all. */
export function brokenRow(figure: string, error: unknown): Row {
  return { figure, unit: "seconds", problem: (error as Error).message, broken: true };
}

function rowOf({ contender, samples, problem, broken }: Outcome, unit: Row["unit"]): Row {
  return { figure: contender.name, unit, goal: contender.goal, problem, broken, samples };
}

function medians({ samples }: Outcome): { reported?: number; process?: number } {
  const reported = samples.flatMap((sample) => sample.reported ?? []);
  return { reported: median(reported), process: median(samples.map((sample) => sample.process)) };
}

function divide(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a / b;
}
