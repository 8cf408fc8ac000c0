import { addUp, type Counts, type Outcome } from './stage.ts';

/** How long a file's tests took, in milliseconds. */
export interface FileTime {
  readonly stage: string;
  readonly file: string;
  readonly milliseconds: number;
}

const SLOWEST = 20;

/** The table of stages and the slowest files. @param took seconds of the whole run. */
export function table(outcomes: readonly Outcome[], files: readonly FileTime[], took: number): string {
  const rows = outcomes
    .toSorted((a, b) => a.began - b.began)
    .map(({ stage, began, took, counts }) => [
      ...[stage.name, stage.lane, clock(began), clock(took)],
      ...(stage.kind === 'tests' ? [counts.passed, counts.failed, counts.skipped].map(String) : ['', '', '']),
    ]);
  const slowest = files
    .toSorted((a, b) => b.milliseconds - a.milliseconds)
    .slice(0, SLOWEST)
    .map(({ stage, file, milliseconds }) => [clock(milliseconds / 1000), stage, file]);
  return [
    columns([['stage', 'lane', 'began', 'took', 'passed', 'failed', 'skipped'], ...rows]),
    '',
    `the slowest files, of ${clock(took)} in all`,
    columns(slowest),
  ].join('\n');
}

/** The line that closes a run. */
export function closing(outcomes: readonly Outcome[]): { counts: Counts; line: string } {
  const counts = addUp(outcomes.map((outcome) => outcome.counts));
  return { counts, line: `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped` };
}

/** What failed apart from tests, a line each. */
export function problems(outcomes: readonly Outcome[]): string[] {
  return outcomes.flatMap(({ problem }) => problem ?? []);
}

function clock(seconds: number): string {
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
